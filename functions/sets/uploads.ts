import { checkStorage } from '../keys/quotas.ts';
import { UPLOAD_LIFETIME_MS } from '../limits.ts';
import type { OwnedBindings } from '../owners.ts';
import { closeHolder, HOLDER_IS_LIVE, openHolder, sweep, uploadGone } from './holds.ts';

/** The types that a part's features may be declared to have, as NumPy calls them, with their short names. */
export const DTYPES = { float16: 'f2', float32: 'f4', float64: 'f8' } as const;

export type Dtype = keyof typeof DTYPES;

/** What an upload was begun as. */
export interface UploadRequest {
  readonly count: number;
  readonly dimension: number;
  readonly dtype: Dtype | undefined;
}

/** An unfinished upload. */
export interface Upload extends UploadRequest {
  readonly id: string;
  readonly set: string;
  readonly createdAt: string;
  /** In milliseconds since 1970. */
  readonly expiresAt: number;
  /** Changes with every part: an upload completes as it was read, or not at all. */
  readonly revision: number;
}

/** A part of an upload, stored. */
export interface UploadPart {
  readonly part: number;
  readonly rows: number;
  /** Names what the part holds: the same features and labels have the same. */
  readonly sha256: string;
  /** SHA-256 of each block of its features. */
  readonly blocks: readonly string[];
  /** SHA-256 of its labels, where it came with labels. */
  readonly labels: string | null;
}

/** Begins an upload. What expired before is cleared away on the occasion. */
export async function beginUpload(
  bindings: OwnedBindings,
  set: string,
  { count, dimension, dtype }: UploadRequest,
): Promise<Upload> {
  await sweep(bindings);
  await checkStorage(bindings, {
    vectors: count,
    bytes: Float32Array.BYTES_PER_ELEMENT * count * dimension,
  });
  const id = crypto.randomUUID();
  const now = Date.now();
  const createdAt = new Date(now).toISOString();
  const expiresAt = now + UPLOAD_LIFETIME_MS;
  await openHolder(bindings, id, expiresAt);
  await bindings.CATALOGUE.prepare(
    'INSERT INTO uploads (id, owner, set_name, count, dimension, dtype, created_at) VALUES (?, ?, ?, ?, ?, ?, ?)',
  )
    .bind(id, bindings.owner, set, count, dimension, dtype ?? null, createdAt)
    .run();
  return { id, set, count, dimension, dtype, createdAt, expiresAt, revision: 0 };
}

/** An unfinished upload of a set. @throws {ApiError} 404. */
export async function findUpload(
  { CATALOGUE, owner }: OwnedBindings,
  set: string,
  id: string,
): Promise<Upload> {
  const row = await CATALOGUE.prepare(
    `SELECT uploads.id, set_name AS "set", count, dimension, dtype, created_at AS createdAt,
       expires_at AS expiresAt, revision
       FROM uploads JOIN holders ON holders.id = uploads.id
       WHERE uploads.id = ? AND owner = ? AND set_name = ? AND expires_at > ?`,
  )
    .bind(id, owner, set, Date.now())
    .first<Omit<Upload, 'dtype'> & { dtype: Dtype | null }>();
  if (row === null) throw uploadGone(id);
  return { ...row, dtype: row.dtype ?? undefined };
}

/** The parts that are there, by number. */
export async function listParts({ CATALOGUE }: OwnedBindings, id: string): Promise<UploadPart[]> {
  const { results } = await CATALOGUE.prepare(
    'SELECT part, rows, sha256, blocks, labels FROM upload_parts WHERE upload = ? ORDER BY part',
  )
    .bind(id)
    .all<Omit<UploadPart, 'blocks'> & { blocks: string }>();
  return results.map((row) => ({ ...row, blocks: JSON.parse(row.blocks) }));
}

/**
 * Notes a part whose objects are stored; the upload waits anew from here. The same part again changes
 * nothing, another one takes the place of the one before.
 *
 * @returns whether the part was there before.
 */
export async function recordPart(
  { CATALOGUE }: OwnedBindings,
  id: string,
  part: UploadPart,
): Promise<boolean> {
  const now = Date.now();
  const bind = (sql: string, ...values: unknown[]) => CATALOGUE.prepare(sql).bind(id, now, ...values);
  const [known, live] = await CATALOGUE.batch<{ sha256: string }>([
    CATALOGUE.prepare('SELECT sha256 FROM upload_parts WHERE upload = ? AND part = ?').bind(id, part.part),
    bind(
      `UPDATE holders SET expires_at = ?3, revision = revision + NOT EXISTS (
         SELECT 1 FROM upload_parts WHERE upload = ?1 AND part = ?4 AND sha256 = ?5)
         WHERE id = ?1 AND expires_at > ?2`,
      ...[now + UPLOAD_LIFETIME_MS, part.part, part.sha256],
    ),
    bind(
      `INSERT OR REPLACE INTO upload_parts (upload, part, rows, sha256, blocks, labels)
         SELECT ?1, ?3, ?4, ?5, ?6, ?7 WHERE ${HOLDER_IS_LIVE}`,
      ...[part.part, part.rows, part.sha256, JSON.stringify(part.blocks), part.labels],
    ),
  ]);
  if (live.meta.changes === 0) throw uploadGone(id);
  return known.results.length > 0;
}

/** Takes an upload back. */
export async function abortUpload(bindings: OwnedBindings, id: string): Promise<void> {
  await closeHolder(bindings, id);
  await sweep(bindings);
}
