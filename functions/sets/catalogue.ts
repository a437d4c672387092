import type { Labels } from '@softmargin/shared/metrics/protocols.ts';
import { hasRoomInSql, refuseAbove, roomFor, type Storing, storedInSql } from '../keys/quotas.ts';
import { type OwnedBindings, ownedKey } from '../owners.ts';
import { contentKey } from './content-store.ts';

/** What a set is of. */
export type SetKind = 'embeddings' | 'pictures';

/** A set as the catalogue knows it. */
export interface SetDescription {
  readonly name: string;
  readonly kind: SetKind;
  /** Names the content: the same embeddings and labels have the same. */
  readonly sha256: string;
  readonly count: number;
  /** Of embeddings; 0 of pictures, which have none until a model embeds them. */
  readonly dimension: number;
  readonly createdAt: string;
}

/** A set with what its labels were found to be. */
export interface StoredSet extends SetDescription {
  /** Different identities and cameras; `null` of a set from before they were counted. */
  readonly identities: number | null;
  readonly cameras: number | null;
  /** Different groups; `null` of a set that has none. */
  readonly groups: number | null;
  /** Pictures that could not be read; they keep their place, and no model is asked about them. */
  readonly brokenPictures: number;
  /** What it takes of the owner's quota. */
  readonly bytes: number;
}

/** A stored content that is to become a set. */
export interface StoredContent {
  readonly kind: SetKind;
  readonly sha256: string;
  readonly count: number;
  readonly dimension: number;
  readonly brokenPictures: number;
  /** Of its features as float32, or of its picture files. */
  readonly bytes: number;
  readonly labels: Labels;
  /** SHA-256 of every object that it is made of, index and labels included. */
  readonly objects: readonly string[];
}

const COLUMNS =
  'name, kind, sha256, count, dimension, identities, cameras, "groups", broken_pictures AS brokenPictures, bytes, created_at AS createdAt';

/**
 * Gives a stored content its name, in one step; a set of that name before it is replaced. The holder that
 * stored it ends.
 *
 * @param revision of the holder: where it has another by now, or has expired, nothing happens.
 * @returns `undefined` where nothing happened.
 * @throws {ApiError} 429 where the owner's quotas leave no room for it; a set that it replaces makes some.
 */
export async function publishSet(
  bindings: OwnedBindings,
  name: string,
  { kind, sha256, count, dimension, brokenPictures, bytes, labels, objects }: StoredContent,
  holder: string,
  revision: number,
): Promise<{ description: StoredSet; created: boolean } | undefined> {
  const { CATALOGUE, owner } = bindings;
  const identities = countDifferent(labels.identities);
  const cameras = countDifferent(labels.cameras);
  const groups = labels.groups === undefined ? null : countDifferent(labels.groups);
  const createdAt = new Date().toISOString();
  const unchanged =
    'EXISTS (SELECT 1 FROM holders WHERE id = ?1 AND revision = ?2 AND expires_at > unixepoch() * 1000)';
  const bind = (sql: string, ...values: unknown[]) =>
    CATALOGUE.prepare(sql).bind(holder, revision, ...values);
  const storing = { sets: 1, vectors: count, bytes };
  const replaced = { sets: 'name = ?3', uploads: 'uploads.id = ?1' };
  const content = ownedKey(owner, sha256);
  const keys = JSON.stringify(objects.map((object) => ownedKey(owner, contentKey(object))));
  const [before, , , published] = await CATALOGUE.batch<Storing & { unchanged: number; known: number }>([
    bind(
      `SELECT ${unchanged} AS unchanged, EXISTS (SELECT 1 FROM sets WHERE owner = ?4 AND name = ?3) AS known,
         stored.* FROM (${storedInSql('?4', replaced)}) AS stored`,
      ...[name, owner],
    ),
    bind(`INSERT OR IGNORE INTO holders (id) SELECT ?3 WHERE ${unchanged}`, content),
    bind(
      `INSERT OR IGNORE INTO holds (object, holder) SELECT value, ?3 FROM json_each(?4) WHERE ${unchanged}`,
      content,
      keys,
    ),
    bind(
      `INSERT OR REPLACE INTO sets
         (name, sha256, count, dimension, identities, cameras, created_at, kind, "groups", broken_pictures,
           owner, bytes)
         SELECT ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14
         WHERE ${unchanged} AND ${hasRoomInSql('?13', '?15', replaced)}`,
      ...[name, sha256, count, dimension, identities, cameras, createdAt, kind, groups, brokenPictures],
      ...[owner, bytes, roomFor(bindings, storing)],
    ),
    CATALOGUE.prepare('UPDATE holders SET expires_at = 0 WHERE id = ? AND revision = ?').bind(
      holder,
      revision,
    ),
  ]);
  if (published.meta.changes === 0) {
    const [found] = before.results;
    if (found.unchanged) refuseAbove(bindings, found, storing);
    return undefined;
  }
  return {
    description: {
      ...{
        name,
        kind,
        sha256,
        count,
        dimension,
        identities,
        cameras,
        groups,
        brokenPictures,
        bytes,
        createdAt,
      },
    },
    created: !before.results[0].known,
  };
}

/** The set of a name, or `null`. */
export function findSet({ CATALOGUE, owner }: OwnedBindings, name: string): Promise<StoredSet | null> {
  return CATALOGUE.prepare(`SELECT ${COLUMNS} FROM sets WHERE owner = ? AND name = ?`)
    .bind(owner, name)
    .first<StoredSet>();
}

/** Up to `limit` sets whose names come after one, by name. */
export async function listSets(
  { CATALOGUE, owner }: OwnedBindings,
  limit: number,
  after: string,
): Promise<StoredSet[]> {
  const { results } = await CATALOGUE.prepare(
    `SELECT ${COLUMNS} FROM sets WHERE owner = ? AND name > ? ORDER BY name LIMIT ?`,
  )
    .bind(owner, after, limit)
    .all<StoredSet>();
  return results;
}

/** Takes a name out of the catalogue. @returns whether it was there. */
export async function removeSet({ CATALOGUE, owner }: OwnedBindings, name: string): Promise<boolean> {
  const { meta } = await CATALOGUE.prepare('DELETE FROM sets WHERE owner = ? AND name = ?')
    .bind(owner, name)
    .run();
  return meta.changes > 0;
}

/** How many different labels there are: sorted, for a set of a million takes ten times the memory. */
function countDifferent(labels: Int32Array): number {
  const sorted = labels.slice().sort();
  return sorted.reduce((count, label, i) => count + (i === 0 || label !== sorted[i - 1] ? 1 : 0), 0);
}
