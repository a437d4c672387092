/** A range of queries that is ranked in one go. */
export interface Shard {
  readonly start: number;
  readonly count: number;
}

/** What one shard may have: so many queries, and so many gallery items of their identities, all together. */
export interface ShardLimits {
  readonly queries: number;
  readonly matches: number;
}

/**
 * Cuts the queries into consecutive shards that stay within the limits. A query that is above one of them
 * alone is a shard of its own.
 */
export function cutShards(
  queryIdentities: Int32Array,
  galleryIdentities: Int32Array,
  limits: ShardLimits,
): Shard[] {
  const galleryCounts = new Map<number, number>();
  for (const identity of galleryIdentities) {
    galleryCounts.set(identity, (galleryCounts.get(identity) ?? 0) + 1);
  }
  const shards: Shard[] = [];
  let start = 0;
  let matches = 0;
  for (const [query, identity] of queryIdentities.entries()) {
    const own = galleryCounts.get(identity) ?? 0;
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
