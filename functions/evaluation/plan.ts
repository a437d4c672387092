import { MAX_SHARD_MATCHES, MAX_SHARD_QUERIES, SHARD_WORK } from '../limits.ts';

/** A range of queries that is ranked in one go. */
export interface Shard {
  readonly start: number;
  readonly count: number;
}

export interface ShardLimits {
  readonly work: number;
  readonly queries: number;
  readonly matches: number;
}

const LIMITS: ShardLimits = { work: SHARD_WORK, queries: MAX_SHARD_QUERIES, matches: MAX_SHARD_MATCHES };

/** What a pair of a query and a gallery item costs beside its product, in multiply-adds. */
const PAIR_OVERHEAD = 16;

/**
 * Cuts the queries into consecutive shards that stay within the limits. A query that is above one of them
 * alone is a shard of its own.
 */
export function planShards(
  queryIdentities: Int32Array,
  galleryIdentities: Int32Array,
  dimension: number,
  limits: ShardLimits = LIMITS,
): Shard[] {
  const galleryCounts = new Map<number, number>();
  for (const identity of galleryIdentities) {
    galleryCounts.set(identity, (galleryCounts.get(identity) ?? 0) + 1);
  }
  const work = galleryIdentities.length * (dimension + PAIR_OVERHEAD);
  const most = Math.max(1, Math.min(limits.queries, Math.floor(limits.work / work)));

  const shards: Shard[] = [];
  let start = 0;
  let matches = 0;
  for (const [query, identity] of queryIdentities.entries()) {
    const own = galleryCounts.get(identity) ?? 0;
    if (query > start && (query - start === most || matches + own > limits.matches)) {
      shards.push({ start, count: query - start });
      start = query;
      matches = 0;
    }
    matches += own;
  }
  shards.push({ start, count: queryIdentities.length - start });
  return shards;
}
