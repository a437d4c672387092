import type { EmbeddingSet } from '../sets/embedding-set.ts';
import { blocksOf } from './blocks.ts';
import { countPairs } from './count-pairs.ts';
import { bindSets, QUERIES_PER_SHARD, type SetRule } from './evaluate-sets.ts';
import { DistanceKernel } from './kernel/distance-kernel.ts';
import type { CompiledModule } from './kernel/webassembly.ts';
import { distanceRange, longestRow, PairDistances, type Verification } from './pair-distances.ts';
import { gallerySource, readDistances } from './read-distances.ts';

/**
 * Counts all pairs of sets that are in memory: what the pair shards of an evaluation job add up to.
 *
 * @param kernel a build of the ranking kernel; see `chooseKernel`.
 */
export async function verifySets(
  kernel: CompiledModule,
  rule: Pick<SetRule, 'protocol' | 'distance'>,
  queries: EmbeddingSet,
  gallery: EmbeddingSet,
  progress?: (done: number, total: number) => void,
): Promise<Verification> {
  const { distance } = rule;
  const { protocol, read } = bindSets(rule, queries, gallery);
  const source = gallerySource(gallery);
  const distances = new DistanceKernel(kernel);
  const longestQuery = await longestRow(gallerySource(queries));
  const pairs = new PairDistances(distance, distanceRange(distance, longestQuery, await longestRow(source)));
  for (const block of blocksOf(queries, QUERIES_PER_SHARD)) {
    const images = readDistances(distances, distance, block, source);
    await countPairs(pairs, protocol, block, read(images, block));
    progress?.(block.start + block.count, queries.count);
  }
  return pairs.verification();
}
