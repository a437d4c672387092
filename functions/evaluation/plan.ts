import { cutShards, type Shard, type ShardLimits } from '@softmargin/shared/metrics/shards.ts';
import { MAX_SHARD_MATCHES, MAX_SHARD_QUERIES, SHARD_WORK } from '../limits.ts';

export interface PlanLimits extends ShardLimits {
  readonly work: number;
}

const LIMITS: PlanLimits = { work: SHARD_WORK, queries: MAX_SHARD_QUERIES, matches: MAX_SHARD_MATCHES };

/** What a pair of a query and a gallery item costs beside its product, in multiply-adds. */
const PAIR_OVERHEAD = 64;

/** Cuts the queries of an evaluation into shards, each within the work that one invocation should do. */
export function planShards(
  queryIdentities: Int32Array,
  galleryIdentities: Int32Array,
  dimension: number,
  { work, queries, matches }: PlanLimits = LIMITS,
): Shard[] {
  const perQuery = galleryIdentities.length * (dimension + PAIR_OVERHEAD);
  return cutShards(queryIdentities, galleryIdentities, {
    queries: Math.min(queries, Math.floor(work / perQuery)),
    matches,
  });
}
