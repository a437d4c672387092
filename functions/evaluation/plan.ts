import { MAX_SHARD_MATCHES, MAX_SHARD_QUERIES, SHARD_WORK } from '../limits.ts';
import { SetContent } from '../sets/content.ts';
import type { EvaluationOrder } from './order.ts';

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
