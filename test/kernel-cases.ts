import { blockOf } from '../shared/metrics/blocks.ts';
import { type DistanceName, distanceNames } from '../shared/metrics/distance.ts';
import type { GallerySource } from '../shared/metrics/evaluate.ts';
import { RankingKernel } from '../shared/metrics/kernel/kernel.ts';
import { KernelScorer } from '../shared/metrics/kernel/scorer.ts';
import type { CompiledModule } from '../shared/metrics/kernel/webassembly.ts';
import type { ItemLists } from '../shared/metrics/rank.ts';
import { createRandom, type Random } from '../shared/random.ts';
import type { EmbeddingSet } from '../shared/sets/embedding-set.ts';
import { quantised, randomSet } from './slow-evaluation.ts';

/** A gallery to be ranked by the kernel, and the length of each query's list of matches. */
export interface KernelCase {
  readonly queries: EmbeddingSet;
  readonly gallery: EmbeddingSet;
  readonly rowsPerBlock: number;
  readonly distance: DistanceName;
  readonly listLengths: readonly number[];
}

/** Every remainder of a tile, a panel, a block, a sweep and a span of dimensions; ties and none. */
export function kernelCases(): KernelCase[] {
  const random = createRandom(11);
  const feature = (r: Random) => (r.uniform() < 0.7 ? quantised(r) : r.normal());
  const cases: KernelCase[] = [];
  for (const [queryCount, galleryCount, dimension, rowsPerBlock, longest] of [
    [1, 1, 1, 1, 1],
    [1, 40, 3, 16, 5],
    [3, 9, 5, 4, 9],
    [4, 64, 64, 64, 20],
    [5, 70, 63, 33, 12],
    [6, 71, 65, 24, 70],
    [2, 500, 4, 128, 95],
    [3, 501, 4, 500, 97],
    [7, 700, 2, 256, 700],
    // Swept in parts: 32 items at a time.
    [5, 150, 2048, 100, 30],
    [2, 150, 2050, 150, 140],
  ]) {
    for (const distance of distanceNames) {
      cases.push({
        queries: randomSet(random, queryCount, dimension, feature),
        gallery: randomSet(random, galleryCount, dimension, dimension < 5 ? quantised : feature),
        rowsPerBlock,
        distance,
        listLengths: Array.from({ length: queryCount }, (_, q) =>
          q === 1 ? 0 : random.integer(longest) + 1,
        ),
      });
    }
  }
  return cases;
}

/** Gallery items that are in no list. */
const isDropped = (item: number) => item % 11 === 10;

/**
 * Counts by the kernel what stands before each entry of random lists, and counts it again, one comparison
 * after the other, from the scores of single pairs.
 */
export async function countBothWays(
  module: CompiledModule,
  { queries, gallery, rowsPerBlock, distance, listLengths }: KernelCase,
): Promise<{ counted: number[]; expected: number[] }> {
  const random = createRandom(12);
  const { count } = gallery;
  const source: GallerySource = {
    labels: gallery,
    count,
    rowsPerBlock,
    read: (block) =>
      blockOf(gallery, block * rowsPerBlock, Math.min(rowsPerBlock, count - block * rowsPerBlock)),
  };
  const kernel = new RankingKernel(module);
  kernel.begin(blockOf(queries, 0, queries.count), rowsPerBlock, distance);
  const scorer = new KernelScorer(kernel, source, isDropped);

  const everything = listsOf(queries.count, () => Array.from({ length: count }, (_, item) => item));
  const scores = await scorer.locate(everything);
  const isBefore = (q: number, a: number, b: number) => {
    const difference = scores[q * count + a] - scores[q * count + b];
    return difference > 0 || (difference === 0 && a < b);
  };
  const lists = listsOf(queries.count, (q) => {
    const some = [...random.permutation(count)].filter((item) => !isDropped(item)).slice(0, listLengths[q]);
    return some.sort((a, b) => (isBefore(q, a, b) ? -1 : 1));
  });
  const listScores = Float32Array.from(lists.items, (item, i) => {
    return scores[lists.starts.findLastIndex((start) => start <= i) * count + item];
  });

  const expected: number[] = [];
  for (let q = 0; q < queries.count; q++) {
    for (const entry of lists.items.subarray(lists.starts[q], lists.starts[q + 1])) {
      let before = 0;
      for (let item = 0; item < count; item++) {
        if (!isDropped(item) && isBefore(q, item, entry)) before++;
      }
      expected.push(before);
    }
  }
  return { counted: [...(await scorer.countBefore(lists, listScores))], expected };
}

function listsOf(queryCount: number, list: (query: number) => number[]): ItemLists {
  const lists = Array.from({ length: queryCount }, (_, q) => list(q));
  const starts = new Int32Array(queryCount + 1);
  for (const [q, { length }] of lists.entries()) starts[q + 1] = starts[q] + length;
  return { starts, items: Int32Array.from(lists.flat()) };
}
