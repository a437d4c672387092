import type { Parts } from '../evaluation/stages/stage.ts';
import type { EmbeddedSet } from './embedded-sets.ts';

/** What the shards that put sets together left; or why one of the sets cannot be ranked. */
export function collectedSets(shards: Iterable<Parts>): Record<string, EmbeddedSet> | string {
  const sets: Record<string, EmbeddedSet> = {};
  for (const { found, unusable } of shards) {
    if (unusable !== undefined) return new TextDecoder().decode(unusable);
    Object.assign(sets, JSON.parse(new TextDecoder().decode(found)));
  }
  return sets;
}
