import { type OwnedBindings, ownedKey } from '../owners.ts';
import type { StoredContent } from '../sets/catalogue.ts';
import { contentKey } from '../sets/content-store.ts';
import type { FailedPicture } from '../sets/store-pictures.ts';

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
  { CATALOGUE, owner }: Pick<OwnedBindings, 'CATALOGUE' | 'owner'>,
  pictures: string,
  model: string,
): Promise<EmbeddedSet | undefined> {
  const row = await CATALOGUE.prepare(
    `SELECT sha256, count, failed, errors FROM embedded_sets
       WHERE owner = ? AND pictures_sha256 = ? AND model_sha256 = ?`,
  )
    .bind(owner, pictures, model)
    .first<Omit<EmbeddedSet, 'errors'> & { errors: string }>();
  return row === null ? undefined : { ...row, errors: JSON.parse(row.errors) };
}

/** Notes what a model made of a set of pictures, in one step with who holds it. The holder that stored it ends. */
export async function recordEmbeddedSet(
  { CATALOGUE, owner }: Pick<OwnedBindings, 'CATALOGUE' | 'owner'>,
  pictures: string,
  model: string,
  { sha256, objects }: StoredContent,
  { count, failed, errors }: Omit<EmbeddedSet, 'sha256'>,
  holder: string,
): Promise<void> {
  const made = ownedKey(owner, sha256);
  await CATALOGUE.batch([
    CATALOGUE.prepare('INSERT OR IGNORE INTO holders (id) VALUES (?)').bind(made),
    CATALOGUE.prepare('INSERT OR IGNORE INTO holds (object, holder) SELECT value, ? FROM json_each(?)').bind(
      made,
      JSON.stringify(objects.map((object) => ownedKey(owner, contentKey(object)))),
    ),
    CATALOGUE.prepare(
      `INSERT OR REPLACE INTO embedded_sets (owner, pictures_sha256, model_sha256, sha256, count, failed, errors)
         VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ).bind(owner, pictures, model, sha256, count, failed, JSON.stringify(errors)),
    CATALOGUE.prepare('UPDATE holders SET expires_at = 0 WHERE id = ?').bind(holder),
  ]);
}
