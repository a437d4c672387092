import type { Bindings } from '../environment.ts';
import { ApiError } from '../errors.ts';
import { REMOVAL_TIMEOUT_MS, REMOVALS_PER_CALL } from '../limits.ts';
import { type OwnedBindings, ownedKey, ownedKeyInSql } from '../owners.ts';
import type { ContentStore } from './content-store.ts';

type Catalogue = Pick<Bindings, 'CATALOGUE'>;

/** What is removed may be anybody's. */
type Storage = Pick<OwnedBindings, 'BUCKET' | 'CATALOGUE'>;

/** How long a store waits for a removal of the same object, and how often it looks. */
const WAIT_MS = 10_000;
const POLL_MS = 50;

/** True in SQL of a holder ?1 that has not expired at ?2. */
export const HOLDER_IS_LIVE = 'EXISTS (SELECT 1 FROM holders WHERE id = ?1 AND expires_at > ?2)';

/** Begins a holder: from now to `expiresAt`, nothing that it stores is removed. */
export async function openHolder({ CATALOGUE }: Catalogue, id: string, expiresAt: number): Promise<void> {
  await CATALOGUE.prepare('INSERT INTO holders (id, expires_at) VALUES (?, ?)').bind(id, expiresAt).run();
}

/** Ends a holder. What nobody else holds goes with the next sweep. */
export async function closeHolder({ CATALOGUE }: Catalogue, id: string): Promise<void> {
  await CATALOGUE.prepare('UPDATE holders SET expires_at = 0 WHERE id = ? AND expires_at IS NOT NULL')
    .bind(id)
    .run();
}

/** R2 for one holder: an object is held before it is stored, so that no sweep takes it away. */
export class HeldStore implements ContentStore {
  readonly #storage: OwnedBindings;
  readonly #holder: string;

  constructor(storage: OwnedBindings, holder: string) {
    this.#storage = storage;
    this.#holder = holder;
  }

  /** @throws {ApiError} 404 where the upload has expired or was taken back. */
  async put(key: string, bytes: Uint8Array | ReadableStream): Promise<void> {
    const { CATALOGUE, STORE, owner } = this.#storage;
    const object = ownedKey(owner, key);
    const deadline = Date.now() + WAIT_MS;
    for (;;) {
      const [live, , removal] = await CATALOGUE.batch([
        CATALOGUE.prepare(`SELECT 1 WHERE ${HOLDER_IS_LIVE}`).bind(this.#holder, Date.now()),
        CATALOGUE.prepare(
          `INSERT OR IGNORE INTO holds (object, holder) SELECT ?3, ?1 WHERE ${HOLDER_IS_LIVE}`,
        ).bind(this.#holder, Date.now(), object),
        CATALOGUE.prepare('SELECT 1 FROM removals WHERE object = ?').bind(object),
      ]);
      if (live.results.length === 0) throw uploadGone(this.#holder);
      if (removal.results.length === 0) break;
      if (Date.now() > deadline) {
        throw new ApiError(
          503,
          {
            message: `The object ${key} is being removed at this moment; send it again in a minute.`,
            code: 'removal_in_progress',
          },
          { 'Retry-After': String(REMOVAL_TIMEOUT_MS / 1000) },
        );
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      await removeLeftovers(this.#storage, Date.now());
    }
    await STORE.put(key, bytes);
  }
}

/** @param id of an upload that is not there, or not any more. */
export function uploadGone(id: string): ApiError {
  return new ApiError(404, {
    message: `upload: there is no upload "${id}" of this set; it was completed, deleted or has expired.`,
    param: 'upload',
    code: 'upload_not_found',
  });
}

/**
 * Removes what nobody needs any more: uploads that have ended or expired, what parts had before others took their place,
 * and contents that no set and no unfinished evaluation names, nor are made of one that is named. An object that another
 * holder has too stays.
 *
 * What is removed is decided and noted in one transaction, then taken out of R2, then crossed out. Whoever
 * stores such an object meanwhile sees the note and waits; if this breaks off, a later sweep goes on.
 */
export async function sweep(storage: Storage, now = Date.now()): Promise<void> {
  const { CATALOGUE } = storage;
  await removeLeftovers(storage, now);
  // Sets from before there were holders: it is not known what they need, so nothing is removed.
  const unknown = await CATALOGUE.prepare(
    `SELECT 1 FROM sets WHERE ${contentOf('sets')} NOT IN (SELECT id FROM holders) LIMIT 1`,
  ).first();
  if (unknown !== null) return;
  const dead = '(SELECT id FROM holders WHERE dead = 1)';
  const [, , , , , removed] = await CATALOGUE.batch<{ object: string }>([
    CATALOGUE.prepare(
      `DELETE FROM embedded_sets WHERE NOT ${isNamed(contentOf('embedded_sets', 'pictures_sha256'))}`,
    ),
    CATALOGUE.prepare('UPDATE holders SET dead = 1 WHERE expires_at <= ?').bind(now),
    CATALOGUE.prepare(`DELETE FROM upload_parts WHERE upload IN ${dead}`),
    CATALOGUE.prepare(`DELETE FROM uploads WHERE id IN ${dead}`),
    CATALOGUE.prepare(
      `UPDATE holders SET dead = 1 WHERE expires_at IS NULL AND NOT ${isNamed('holders.id')}
         AND NOT EXISTS (SELECT 1 FROM embedded_sets WHERE ${contentOf('embedded_sets')} = holders.id)
         AND NOT EXISTS (SELECT 1 FROM upload_parts WHERE holder = holders.id)`,
    ),
    CATALOGUE.prepare(
      `INSERT OR IGNORE INTO removals (object, started_at)
         SELECT DISTINCT object, ? FROM holds WHERE holder IN ${dead} AND NOT EXISTS (
           SELECT 1 FROM holds AS other WHERE other.object = holds.object AND other.holder NOT IN ${dead})
         RETURNING object`,
    ).bind(now),
    CATALOGUE.prepare(`DELETE FROM holds WHERE holder IN ${dead}`),
    CATALOGUE.prepare('DELETE FROM holders WHERE dead = 1'),
  ]);
  await remove(
    storage,
    removed.results.map(({ object }) => object),
  );
}

/** True in SQL of a content that a set, a version of a model or an unfinished evaluation names. */
function isNamed(content: string): string {
  const evaluated = ['query_sha256', 'gallery_sha256', 'model_sha256'].map((column) =>
    contentOf('evaluations', column),
  );
  return `(EXISTS (SELECT 1 FROM sets WHERE ${contentOf('sets')} = ${content}) OR EXISTS (
    SELECT 1 FROM model_versions WHERE deleted_at IS NULL AND ${contentOf('model_versions')} = ${content}) OR EXISTS (
    SELECT 1 FROM evaluations WHERE finished_at IS NULL AND ${content} IN (${evaluated.join(', ')})))`;
}

/** In SQL, what a content that a row names is called among those of all owners. */
function contentOf(table: string, column = 'sha256'): string {
  return ownedKeyInSql(`${table}.owner`, `${table}.${column}`);
}

/** Goes on with removals that were begun and did not end. Each is taken over by one sweep alone. */
async function removeLeftovers(storage: Storage, now: number): Promise<void> {
  const { results } = await storage.CATALOGUE.prepare(
    'UPDATE removals SET started_at = ?1 WHERE started_at < ?1 - ?2 RETURNING object',
  )
    .bind(now, REMOVAL_TIMEOUT_MS)
    .all<{ object: string }>();
  await remove(
    storage,
    results.map(({ object }) => object),
  );
}

async function remove({ BUCKET, CATALOGUE }: Storage, objects: readonly string[]): Promise<void> {
  for (let start = 0; start < objects.length; start += REMOVALS_PER_CALL) {
    const batch = objects.slice(start, start + REMOVALS_PER_CALL);
    await BUCKET.delete(batch);
    await CATALOGUE.prepare('DELETE FROM removals WHERE object IN (SELECT value FROM json_each(?))')
      .bind(JSON.stringify(batch))
      .run();
  }
}
