import type { EmbeddingSet } from '../sets/embedding-set.ts';
import { blocksOf } from './blocks.ts';
import { countPairs } from './count-pairs.ts';
import { bindSets, QUERIES_PER_SHARD, type SetRule } from './evaluate-sets.ts';
import { distanceRange, longestRow, PairDistances, type Verification } from './pair-distances.ts';
import { gallerySource, readDistances } from './read-distances.ts';

/** Counts all pairs of sets that are in memory: what the pair shards of an evaluation job add up to. */
export async function verifySets(
  rule: Pick<SetRule, 'protocol' | 'distance'>,
  queries: EmbeddingSet,
  gallery: EmbeddingSet,
  progress?: (done: number, total: number) => void,
): Promise<Verification> {
  const { distance } = rule;
  const { protocol, read } = bindSets(rule, queries, gallery);
  const source = gallerySource(gallery);
  const longestQuery = await longestRow(gallerySource(queries));
  const pairs = new PairDistances(distance, distanceRange(distance, longestQuery, await longestRow(source)));
  for (const block of blocksOf(queries, QUERIES_PER_SHARD)) {
    await countPairs(pairs, protocol, block, read(readDistances(distance, block, source), block));
    progress?.(block.start + block.count, queries.count);
  }
  return pairs.verification();
}
