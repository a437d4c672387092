/** A range of queries that is ranked in one go. */
export interface Shard {
  readonly start: number;
  readonly count: number;
}

/** What one shard may have: so many queries, and so many gallery items that are looked at one by one. */
export interface ShardLimits {
  readonly queries: number;
  readonly matches: number;
}

/**
 * Cuts the queries into consecutive shards that stay within the limits. A query that is above one of them
 * alone is a shard of its own.
 *
 * @param located how many gallery items are looked at one by one for a query: by default those of its
 *   identity, which are its matches or left out for it.
 */
export function cutShards(
  queryIdentities: Int32Array,
  galleryIdentities: Int32Array,
  limits: ShardLimits,
  located: (query: number) => number = ofIdentity(queryIdentities, galleryIdentities),
): Shard[] {
  const shards: Shard[] = [];
  let start = 0;
  let matches = 0;
  for (let query = 0; query < queryIdentities.length; query++) {
    const own = located(query);
    if (query > start && (query - start >= limits.queries || matches + own > limits.matches)) {
      shards.push({ start, count: query - start });
      start = query;
      matches = 0;
    }
    matches += own;
  }
  shards.push({ start, count: queryIdentities.length - start });
  return shards;
}

function ofIdentity(queryIdentities: Int32Array, galleryIdentities: Int32Array): (query: number) => number {
  const counts = countLabels(galleryIdentities);
  return (query) => counts.get(queryIdentities[query]) ?? 0;
}

/** How often each label is there. */
export function countLabels(labels: Int32Array): Map<number, number> {
  const counts = new Map<number, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return counts;
}
