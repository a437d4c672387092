import type { EmbeddingBlock } from './blocks.ts';
import type { GallerySource } from './evaluate.ts';
import { RankingKernel } from './kernel/kernel.ts';
import { KernelScorer } from './kernel/scorer.ts';
import type { CompiledModule } from './kernel/webassembly.ts';
import type { ItemLists } from './rank.ts';

/**
 * - `cosine`: 1 − cos of the angle. A vector of zeros has no direction; its distance to everything is 1.
 * - `euclidean`: the length of the difference. Ranking is by its square, ‖q‖² + ‖g‖² − 2 q · g, which orders
 *   the same and does not round two distances into one.
 * - `squared-euclidean`: that square. Ranks as `euclidean` does.
 *
 * Products are in float32, as peers have them: two items whose distances differ by less than that resolves
 * may change places, and for Euclidean distances so may items nearer to each other than float32 resolves of
 * their lengths. What is equal is exactly equal.
 */
export type DistanceName = 'cosine' | 'euclidean' | 'squared-euclidean';

export const distanceNames = ['cosine', 'euclidean', 'squared-euclidean'] as const satisfies DistanceName[];

/**
 * Distances between a block of queries and listed gallery items, one list a query, each ascending. They are
 * what ranking goes by: a pair's distance is a function of its two vectors alone, to the last bit.
 *
 * @param kernel a build of the ranking kernel; see `chooseKernel`.
 * @returns one distance for each list entry.
 */
export async function listedDistances(
  kernel: CompiledModule,
  distance: DistanceName,
  queries: EmbeddingBlock,
  gallery: GallerySource,
  lists: ItemLists,
): Promise<Float64Array> {
  const run = new RankingKernel(kernel);
  run.begin(queries, gallery.rowsPerBlock, distance);
  const squares = run.querySquares();
  const scores = await new KernelScorer(run, gallery, () => false).locate(lists);
  const distances = new Float64Array(scores.length);
  for (let q = 0; q < queries.count; q++) {
    for (let i = lists.starts[q]; i < lists.starts[q + 1]; i++) {
      distances[i] = distanceOf(distance, scores[i], squares[q]);
    }
  }
  return distances;
}

/** The distance that a score of the kernel stands for, by the squared length of the query. */
export function distanceOf(distance: DistanceName, score: number, querySquare: number): number {
  if (distance === 'cosine') {
    return querySquare === 0 ? 1 : Math.max(0, 1 - score / Math.sqrt(querySquare));
  }
  const square = Math.max(0, querySquare - 2 * score);
  return distance === 'euclidean' ? Math.sqrt(square) : square;
}
