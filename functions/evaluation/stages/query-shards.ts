import { boundLocated } from '@softmargin/shared/metrics/exclusion-rule.ts';
import { cutShards, type Shard, type ShardLimits } from '@softmargin/shared/metrics/shards.ts';
import { MAX_SHARD_MATCHES, MAX_SHARD_QUERIES, MAX_SHARD_ROW_BYTES } from '../../limits.ts';
import { type Engine, PAIR_OVERHEAD, RULE_OVERHEAD, type StagePlan, type Subject } from './stage.ts';

/**
 * Cuts the queries into shards that each stay within the work and the memory of one invocation.
 *
 * @param galleryReads how often a shard reads the gallery, at most.
 * @param rowBytes what a shard holds of each query beside its embedding, where it holds whole rows.
 * @param most queries of a shard, whatever they take.
 */
export function cutQueries(
  subject: Subject,
  engine: Engine,
  galleryReads: number,
  rowBytes = 0,
  most = MAX_SHARD_QUERIES,
): StagePlan {
  const { galleryLabels, capacity } = subject;
  const workPerItem = galleryLabels.identities.length * workPerPair(subject);
  const shards = cutByMatches(subject, {
    queries: Math.min(
      most,
      Math.floor(capacity.work[engine] / workPerItem),
      rowBytes === 0 ? most : Math.floor(MAX_SHARD_ROW_BYTES / rowBytes),
    ),
    matches: MAX_SHARD_MATCHES,
  });
  return { engine, shards, workPerItem, reads: { query: 0, gallery: galleryReads } };
}

/** Multiply-adds that a pair of a query and a gallery item counts as. */
export function workPerPair({ order: { protocol }, dimension }: Subject): number {
  const conditions = typeof protocol === 'object' ? protocol.drop.length : 0;
  return dimension + PAIR_OVERHEAD + RULE_OVERHEAD * conditions;
}

/** Cuts the queries by their number and by what is located for them. */
export function cutByMatches(
  { order: { protocol }, queryLabels, galleryLabels }: Subject,
  limits: ShardLimits,
): Shard[] {
  return cutShards(
    queryLabels.identities,
    galleryLabels.identities,
    limits,
    typeof protocol === 'object' ? boundLocated(protocol, queryLabels, galleryLabels) : undefined,
  );
}

/** Cuts the items of both sets, queries first, into shards that are each of one set. */
export function cutItems(
  { queryLabels, galleryLabels, dimension, capacity }: Subject,
  engine: Engine,
  most: number,
  pairsPerItem: number,
  reads: StagePlan['reads'],
): StagePlan {
  const workPerItem = pairsPerItem * (dimension + PAIR_OVERHEAD);
  const perShard = Math.max(1, Math.min(most, Math.floor(capacity.work[engine] / workPerItem)));
  const queries = queryLabels.identities.length;
  const items = queries + galleryLabels.identities.length;
  const shards: Shard[] = [];
  for (const [first, end] of [
    [0, queries],
    [queries, items],
  ]) {
    for (let start = first; start < end; start += perShard) {
      shards.push({ start, count: Math.min(perShard, end - start) });
    }
  }
  return { engine, shards, workPerItem, reads };
}
