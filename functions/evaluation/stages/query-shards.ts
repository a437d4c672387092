import { boundLocated } from '@softmargin/shared/metrics/exclusion-rule.ts';
import { cutShards, type Shard } from '@softmargin/shared/metrics/shards.ts';
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
  const { order, queryLabels, galleryLabels, dimension, work } = subject;
  const { protocol } = order;
  const isRule = typeof protocol === 'object';
  const overhead = PAIR_OVERHEAD + (isRule ? RULE_OVERHEAD * protocol.drop.length : 0);
  const workPerItem = galleryLabels.identities.length * (dimension + overhead);
  const shards = cutShards(
    queryLabels.identities,
    galleryLabels.identities,
    {
      queries: Math.min(
        most,
        Math.floor(work[engine] / workPerItem),
        rowBytes === 0 ? most : Math.floor(MAX_SHARD_ROW_BYTES / rowBytes),
      ),
      matches: MAX_SHARD_MATCHES,
    },
    isRule ? boundLocated(protocol, queryLabels, galleryLabels) : undefined,
  );
  return { engine, shards, workPerItem, reads: { query: 0, gallery: galleryReads } };
}

/** Cuts the items of both sets, queries first, into shards that are each of one set. */
export function cutItems(
  { queryLabels, galleryLabels, dimension, work }: Subject,
  engine: Engine,
  most: number,
  pairsPerItem: number,
  reads: StagePlan['reads'],
): StagePlan {
  const workPerItem = pairsPerItem * (dimension + PAIR_OVERHEAD);
  const perShard = Math.max(1, Math.min(most, Math.floor(work[engine] / workPerItem)));
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
