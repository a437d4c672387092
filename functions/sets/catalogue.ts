import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import type { Bindings } from '../environment.ts';
import { storeContent } from './content.ts';

/** A set as the catalogue knows it. */
export interface SetDescription {
  readonly name: string;
  /** Names the content: the same embeddings and labels have the same. */
  readonly sha256: string;
  readonly count: number;
  readonly dimension: number;
  readonly createdAt: string;
}

const COLUMNS = 'name, sha256, count, dimension, created_at AS createdAt';

/** Stores a set under a name; one of that name before it is replaced. */
export async function storeSet(
  { STORE, CATALOGUE }: Bindings,
  name: string,
  set: EmbeddingSet,
): Promise<{ description: SetDescription; created: boolean }> {
  const sha256 = await storeContent(STORE, set);
  const known = await CATALOGUE.prepare('SELECT 1 FROM sets WHERE name = ?').bind(name).first();
  const { count, dimension } = set;
  const createdAt = new Date().toISOString();
  await CATALOGUE.prepare(
    'INSERT OR REPLACE INTO sets (name, sha256, count, dimension, created_at) VALUES (?, ?, ?, ?, ?)',
  )
    .bind(name, sha256, count, dimension, createdAt)
    .run();
  return { description: { name, sha256, count, dimension, createdAt }, created: known === null };
}

/** The set of a name, or `null`. */
export function findSet({ CATALOGUE }: Bindings, name: string): Promise<SetDescription | null> {
  return CATALOGUE.prepare(`SELECT ${COLUMNS} FROM sets WHERE name = ?`).bind(name).first<SetDescription>();
}

/** Every set, by name. */
export async function listSets({ CATALOGUE }: Bindings): Promise<SetDescription[]> {
  return (await CATALOGUE.prepare(`SELECT ${COLUMNS} FROM sets ORDER BY name`).all<SetDescription>()).results;
}
