import { cutShards, type Shard, type ShardLimits } from '@softmargin/shared/metrics/shards.ts';
import { MAX_SHARD_MATCHES, MAX_SHARD_QUERIES, SHARD_WORK } from '../limits.ts';
import { SetContent } from '../sets/content.ts';
import type { EvaluationOrder } from './order.ts';

export interface PlanLimits extends ShardLimits {
  readonly work: number;
}

const LIMITS: PlanLimits = { work: SHARD_WORK, queries: MAX_SHARD_QUERIES, matches: MAX_SHARD_MATCHES };

/** What a pair of a query and a gallery item costs beside its product, in multiply-adds. */
const PAIR_OVERHEAD = 64;

/** How often a shard reads the gallery at most: to find its correct matches, and to count what is before them. */
const GALLERY_PASSES = 2;

/** What an evaluation takes, before it runs. */
export interface Plan {
  readonly shards: readonly Shard[];
  /** Of the product alone, ranking not counted. */
  readonly multiplyAdds: number;
  /** Of all shards together, at most: blocks without a correct match are read once and not twice. */
  readonly galleryBytes: number;
}

/** Plans an evaluation from the labels of its sets. @param work multiply-adds of one shard. */
export async function planEvaluation(
  store: R2Bucket,
  order: Pick<EvaluationOrder, 'query' | 'gallery'>,
  work: number,
): Promise<Plan> {
  const query = await SetContent.open(store, order.query);
  const gallery = await SetContent.open(store, order.gallery);
  const { identities: queryIdentities } = await query.labels();
  const { identities: galleryIdentities } = await gallery.labels();
  const { dimension } = query.index;
  const shards = planShards(queryIdentities, galleryIdentities, dimension, { ...LIMITS, work });
  const numbers = galleryIdentities.length * dimension;
  return {
    shards,
    multiplyAdds: queryIdentities.length * numbers,
    galleryBytes: GALLERY_PASSES * shards.length * numbers * Float32Array.BYTES_PER_ELEMENT,
  };
}

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
