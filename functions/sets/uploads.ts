import type { PictureNaming } from '@softmargin/shared/sets/picture-names.ts';
import {
  checkStorage,
  hasRoomInSql,
  refuseAbove,
  roomFor,
  type Storing,
  storedInSql,
} from '../keys/quotas.ts';
import { BODY_LIFETIME_MS, UPLOAD_LIFETIME_MS } from '../limits.ts';
import type { OwnedBindings } from '../owners.ts';
import { closeHolder, HeldStore, HOLDER_IS_LIVE, openHolder, sweep, uploadGone } from './holds.ts';

/** The types that a part's features may be declared to have, as NumPy calls them, with their short names. */
export const DTYPES = { float16: 'f2', float32: 'f4', float64: 'f8' } as const;

export type Dtype = keyof typeof DTYPES;

/** What an upload of embeddings was begun as. */
export interface EmbeddingsRequest {
  readonly kind: 'embeddings';
  readonly count: number;
  readonly dimension: number;
  readonly dtype: Dtype | undefined;
}

/** What an upload of pictures was begun as. */
export interface PicturesRequest {
  readonly kind: 'pictures';
  readonly count: number;
  /** How the names of pictures give their labels, where they do. */
  readonly names: PictureNaming | undefined;
}

interface Begun {
  readonly id: string;
  readonly set: string;
  readonly createdAt: string;
  /** In milliseconds since 1970. */
  readonly expiresAt: number;
  /** Changes with every part: an upload completes as it was read, or not at all. */
  readonly revision: number;
}

export type EmbeddingsUpload = EmbeddingsRequest & Begun;
export type PicturesUpload = PicturesRequest & Begun;

/** An unfinished upload. */
export type Upload = EmbeddingsUpload | PicturesUpload;

/** A part of an upload, stored. */
export interface UploadPart {
  readonly part: number;
  /** Of features, or pictures. */
  readonly rows: number;
  /** Names what the part holds: the same features or pictures with the same labels have the same. */
  readonly sha256: string;
  /** SHA-256 of each block of its features, or of each page of its pictures. */
  readonly blocks: readonly string[];
  /** Of its pictures' files; 0 of features, whose upload announces them. */
  readonly bytes: number;
  /** SHA-256 of its labels, where it came with labels. */
  readonly labels: string | null;
}

/**
 * Begins an upload. What expired before is cleared away on the occasion.
 *
 * @throws {ApiError} 429 where the owner's quotas leave no room for what is announced.
 */
export async function beginUpload(
  bindings: OwnedBindings,
  set: string,
  request: EmbeddingsRequest | PicturesRequest,
): Promise<Upload> {
  await sweep(bindings);
  const { kind, count } = request;
  const dimension = kind === 'pictures' ? 0 : request.dimension;
  const storing = {
    sets: 1,
    vectors: count,
    bytes: Float32Array.BYTES_PER_ELEMENT * count * dimension,
  };
  const id = crypto.randomUUID();
  const now = Date.now();
  const createdAt = new Date(now).toISOString();
  const expiresAt = now + UPLOAD_LIFETIME_MS;
  const dtype = kind === 'pictures' ? null : (request.dtype ?? null);
  const names = kind === 'pictures' ? (request.names ?? null) : null;
  const { CATALOGUE, owner } = bindings;
  const [begun] = await CATALOGUE.batch([
    CATALOGUE.prepare(
      `INSERT INTO uploads (id, owner, set_name, kind, count, dimension, dtype, names, created_at)
         SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 WHERE ${hasRoomInSql('?2', '?10')}`,
    ).bind(id, owner, set, kind, count, dimension, dtype, names, createdAt, roomFor(bindings, storing)),
    CATALOGUE.prepare('INSERT INTO holders (id, expires_at) SELECT id, ?2 FROM uploads WHERE id = ?1').bind(
      id,
      expiresAt,
    ),
  ]);
  if (begun.meta.changes === 0) {
    await checkStorage(bindings, storing);
    // There was no room, and there is some now.
    return beginUpload(bindings, set, request);
  }
  return { ...request, id, set, createdAt, expiresAt, revision: 0 };
}

/** An upload as the catalogue has it: of either kind, with what the other has left empty. */
interface UploadRow extends Begun {
  readonly kind: Upload['kind'];
  readonly count: number;
  readonly dimension: number;
  readonly dtype: Dtype | null;
  readonly names: PictureNaming | null;
}

/** An unfinished upload of a set. @throws {ApiError} 404. */
export async function findUpload(
  { CATALOGUE, owner }: OwnedBindings,
  set: string,
  id: string,
): Promise<Upload> {
  const row = await CATALOGUE.prepare(
    `SELECT uploads.id, set_name AS "set", kind, count, dimension, dtype, names, created_at AS createdAt,
       expires_at AS expiresAt, revision
       FROM uploads JOIN holders ON holders.id = uploads.id
       WHERE uploads.id = ? AND owner = ? AND set_name = ? AND expires_at > ?`,
  )
    .bind(id, owner, set, Date.now())
    .first<UploadRow>();
  if (row === null) throw uploadGone(id);
  const { kind, dimension, dtype, names, ...begun } = row;
  return kind === 'pictures'
    ? { ...begun, kind, names: names ?? undefined }
    : { ...begun, kind, dimension, dtype: dtype ?? undefined };
}

/** The parts that are there, by number. */
export async function listParts({ CATALOGUE }: OwnedBindings, id: string): Promise<UploadPart[]> {
  const { results } = await CATALOGUE.prepare(
    'SELECT part, rows, sha256, blocks, labels, bytes FROM upload_parts WHERE upload = ? ORDER BY part',
  )
    .bind(id)
    .all<Omit<UploadPart, 'blocks'> & { blocks: string }>();
  return results.map((row) => ({ ...row, blocks: JSON.parse(row.blocks) }));
}

/**
 * Stores a part under a holder of its own: what is left of one that is refused, or that another takes the place of,
 * goes with the next sweep, and need not wait for the end of the upload.
 *
 * @param read stores what a part is made of.
 */
export async function storeHeld<Part extends UploadPart>(
  bindings: OwnedBindings,
  { id }: Upload,
  read: (store: HeldStore) => Promise<Part>,
): Promise<{ stored: Part; created: boolean }> {
  const holder = crypto.randomUUID();
  await openHolder(bindings, holder, Date.now() + BODY_LIFETIME_MS);
  let created = false;
  try {
    const stored = await read(new HeldStore(bindings, holder));
    created = !(await recordPart(bindings, id, stored, holder));
    return { stored, created };
  } finally {
    // Not that of a part that was recorded: it has no time to expire any more.
    await closeHolder(bindings, holder);
    if (!created) await sweep(bindings);
  }
}

/**
 * Notes a part whose objects are stored; the upload waits anew from here. The same part again changes
 * nothing, another one takes the place of the one before.
 *
 * @returns whether the part was there before.
 * @throws {ApiError} 429 where the owner's quotas leave no room for its bytes.
 */
async function recordPart(
  bindings: OwnedBindings,
  id: string,
  part: UploadPart,
  holder: string,
): Promise<boolean> {
  const { CATALOGUE, owner } = bindings;
  const storing = { sets: 0, vectors: 0, bytes: part.bytes };
  const replaced = { upload_parts: 'upload = ?1 AND part = ?3' };
  const now = Date.now();
  const bind = (sql: string, ...values: unknown[]) => CATALOGUE.prepare(sql).bind(id, now, ...values);
  const [stored, known, live, recorded] = await CATALOGUE.batch<Storing>([
    bind(storedInSql('?4', replaced), part.part, owner),
    CATALOGUE.prepare('SELECT sha256 FROM upload_parts WHERE upload = ? AND part = ?').bind(id, part.part),
    bind(
      `UPDATE holders SET expires_at = ?3, revision = revision + NOT EXISTS (
         SELECT 1 FROM upload_parts WHERE upload = ?1 AND part = ?4 AND sha256 = ?5)
         WHERE id = ?1 AND expires_at > ?2`,
      ...[now + UPLOAD_LIFETIME_MS, part.part, part.sha256],
    ),
    bind(
      `INSERT OR REPLACE INTO upload_parts (upload, part, rows, sha256, blocks, labels, bytes, holder)
         SELECT ?1, ?3, ?4, ?5, ?6, ?7, ?8, ?9
           WHERE ${HOLDER_IS_LIVE} AND EXISTS (SELECT 1 FROM holders WHERE id = ?9)
             AND (?8 = 0 OR ${hasRoomInSql('?10', '?11', replaced)})`,
      ...[part.part, part.rows, part.sha256, JSON.stringify(part.blocks), part.labels, part.bytes, holder],
      ...[owner, roomFor(bindings, storing)],
    ),
    bind(
      `UPDATE holders SET expires_at = NULL
         WHERE id = ?3 AND EXISTS (SELECT 1 FROM upload_parts WHERE upload = ?1 AND holder = ?3)`,
      holder,
    ),
  ]);
  if (recorded.meta.changes === 0) {
    if (live.meta.changes > 0) refuseAbove(bindings, stored.results[0], storing);
    throw uploadGone(id);
  }
  return known.results.length > 0;
}

/** Takes an upload back. */
export async function abortUpload(bindings: OwnedBindings, id: string): Promise<void> {
  await closeHolder(bindings, id);
  await sweep(bindings);
}
