import * as z from 'zod';
import type { Bindings } from '../environment.ts';
import { hex } from '../hex.ts';
import { KEY_USE_MS } from '../limits.ts';
import { type Key, type Scope, scopesSchema } from './key.ts';

type Catalogue = Pick<Bindings, 'CATALOGUE'>;

/** A key as the catalogue has it: all about it but the key. */
export interface KeyDescription extends Key {
  readonly id: string;
  readonly name: string;
  readonly createdAt: string;
  readonly expiresAt: string | null;
  readonly revokedAt: string | null;
  /** To a minute. */
  readonly lastUsedAt: string | null;
}

/** A key as it is asked for. */
export interface NewKey {
  readonly owner: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly expiresAt: string | null;
}

const COLUMNS = `id, owner, name, scopes, created_at AS createdAt, expires_at AS expiresAt, revoked_at AS revokedAt,
  last_used_at AS lastUsedAt`;

/** What stands before the random part, so that a key that was published somewhere is found for what it is. */
const PREFIX = 'sm_';

/** Makes a key of 256 random bits. @returns it, and what is kept of it. */
export async function createKey(
  { CATALOGUE }: Catalogue,
  { owner, name, scopes, expiresAt }: NewKey,
): Promise<{ key: string; description: KeyDescription }> {
  const random = crypto.getRandomValues(new Uint8Array(32));
  const base64 = btoa(String.fromCharCode(...random));
  const key = PREFIX + base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  const id = crypto.randomUUID();
  const createdAt = new Date().toISOString();
  await CATALOGUE.prepare(
    'INSERT INTO keys (id, sha256, owner, name, scopes, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
  )
    .bind(id, hex(await digestOf(key)), owner, name, JSON.stringify(scopes), createdAt, expiresAt)
    .run();
  const unused = { revokedAt: null, lastUsedAt: null };
  return { key, description: { id, owner, name, scopes, createdAt, expiresAt, ...unused } };
}

/**
 * The key in force that has a digest. The lookup is by the digest of 256 random bits: what its time says of the
 * digests that are there says nothing of a key.
 */
export async function findKeyInForce({ CATALOGUE }: Catalogue, digest: ArrayBuffer): Promise<Key | null> {
  const row = await CATALOGUE.prepare(
    `SELECT ${COLUMNS} FROM keys WHERE sha256 = ?1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?2)`,
  )
    .bind(hex(digest), new Date().toISOString())
    .first<Row>();
  return row === null ? null : describe(row);
}

/** Notes that a key was used: once a minute, for a write costs more than the request it counts. */
export async function recordUse({ CATALOGUE }: Catalogue, id: string): Promise<void> {
  const now = Date.now();
  await CATALOGUE.prepare(
    'UPDATE keys SET last_used_at = ?2 WHERE id = ?1 AND (last_used_at IS NULL OR last_used_at < ?3)',
  )
    .bind(id, new Date(now).toISOString(), new Date(now - KEY_USE_MS).toISOString())
    .run();
}

/** Keys in the order they were made, after one of them: of one owner, or of all. */
export async function listKeys(
  { CATALOGUE }: Catalogue,
  limit: number,
  after: KeyDescription | undefined,
  owner: string | undefined,
): Promise<KeyDescription[]> {
  const { results } = await CATALOGUE.prepare(
    `SELECT ${COLUMNS} FROM keys
       WHERE (?1 IS NULL OR owner = ?1) AND (?2 IS NULL OR (created_at, id) > (?2, ?3))
       ORDER BY created_at, id LIMIT ?4`,
  )
    .bind(owner ?? null, after?.createdAt ?? null, after?.id ?? null, limit)
    .all<Row>();
  return results.map(describe);
}

/** The key of an id: of one owner, or of any; or `null`. */
export async function findKey(
  { CATALOGUE }: Catalogue,
  id: string,
  owner: string | undefined,
): Promise<KeyDescription | null> {
  const row = await CATALOGUE.prepare(
    `SELECT ${COLUMNS} FROM keys WHERE id = ?1 AND (?2 IS NULL OR owner = ?2)`,
  )
    .bind(id, owner ?? null)
    .first<Row>();
  return row === null ? null : describe(row);
}

/** Takes a key out of force, for good. It stays in the list. */
export async function revokeKey({ CATALOGUE }: Catalogue, id: string): Promise<void> {
  await CATALOGUE.prepare('UPDATE keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL')
    .bind(new Date().toISOString(), id)
    .run();
}

/** What a key is known and compared by. */
export function digestOf(key: string): Promise<ArrayBuffer> {
  return crypto.subtle.digest('SHA-256', new TextEncoder().encode(key));
}

type Row = Omit<KeyDescription, 'scopes'> & { readonly scopes: string };

const storedScopesSchema = z.string().transform((text) => scopesSchema.parse(JSON.parse(text)));

function describe(row: Row): KeyDescription {
  return { ...row, scopes: storedScopesSchema.parse(row.scopes) };
}
