import type { Bindings } from '../environment.ts';
import type { StoredContent } from '../sets/catalogue.ts';
import { contentKey } from '../sets/content-store.ts';

/** A picture that is in no ranking, and why. */
export interface FailedPicture {
  /** Its place in the set of pictures. */
  readonly index: number;
  readonly path: string;
  readonly message: string;
  readonly code: string;
}

/** The content that a model made of a set of pictures. */
export interface EmbeddedSet {
  readonly sha256: string;
  /** Pictures that were embedded. */
  readonly count: number;
  /** Pictures that could not be. */
  readonly failed: number;
  /** The first of those. */
  readonly errors: readonly FailedPicture[];
}

/** What a model made of a set of pictures before; `undefined` where it never did, or the pictures are gone. */
export async function findEmbeddedSet(
  { CATALOGUE }: Pick<Bindings, 'CATALOGUE'>,
  pictures: string,
  model: string,
): Promise<EmbeddedSet | undefined> {
  const row = await CATALOGUE.prepare(
    'SELECT sha256, count, failed, errors FROM embedded_sets WHERE pictures_sha256 = ? AND model_sha256 = ?',
  )
    .bind(pictures, model)
    .first<Omit<EmbeddedSet, 'errors'> & { errors: string }>();
  return row === null ? undefined : { ...row, errors: JSON.parse(row.errors) };
}

/** Notes what a model made of a set of pictures, in one step with who holds it. The holder that stored it ends. */
export async function recordEmbeddedSet(
  { CATALOGUE }: Pick<Bindings, 'CATALOGUE'>,
  pictures: string,
  model: string,
  { sha256, objects }: StoredContent,
  { count, failed, errors }: Omit<EmbeddedSet, 'sha256'>,
  holder: string,
): Promise<void> {
  await CATALOGUE.batch([
    CATALOGUE.prepare('INSERT OR IGNORE INTO holders (id) VALUES (?)').bind(sha256),
    CATALOGUE.prepare('INSERT OR IGNORE INTO holds (object, holder) SELECT value, ? FROM json_each(?)').bind(
      sha256,
      JSON.stringify(objects.map(contentKey)),
    ),
    CATALOGUE.prepare(
      `INSERT OR REPLACE INTO embedded_sets (pictures_sha256, model_sha256, sha256, count, failed, errors)
         VALUES (?, ?, ?, ?, ?, ?)`,
    ).bind(pictures, model, sha256, count, failed, JSON.stringify(errors)),
    CATALOGUE.prepare('UPDATE holders SET expires_at = 0 WHERE id = ?').bind(holder),
  ]);
}
