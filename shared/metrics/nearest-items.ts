import type { EmbeddingBlock } from './blocks.ts';
import { type DistanceName, distanceOf } from './distance.ts';
import type { GallerySource } from './evaluate.ts';
import { insertNearest } from './insert-nearest.ts';
import { RankingKernel } from './kernel/kernel.ts';
import type { CompiledModule } from './kernel/webassembly.ts';

/** The nearest items of some queries. */
export interface NearestItems {
  /** Items of each query. */
  readonly count: number;
  /** `count` a query: nearest first, of two at one distance the lower index. */
  readonly items: Int32Array;
  /** The distance of each. */
  readonly distances: Float64Array;
}

/**
 * Finds the `count` gallery items nearest to each query, exactly and in the order that ranking has: by the
 * kernel's scores, ties to the lower index. The gallery is read once, one block in memory at a time.
 *
 * @param kernel a build of the ranking kernel; see `chooseKernel`.
 * @param count of a smaller gallery, all its items are found.
 */
export async function nearestItems(
  kernel: CompiledModule,
  distance: DistanceName,
  queries: EmbeddingBlock,
  gallery: GallerySource,
  count: number,
): Promise<NearestItems> {
  const run = new RankingKernel(kernel);
  run.begin(queries, gallery.rowsPerBlock, distance);
  const kept = Math.min(count, gallery.count);
  const items = new Int32Array(queries.count * kept);
  // A higher score is nearer.
  const keys = new Float32Array(queries.count * kept).fill(Number.POSITIVE_INFINITY);
  for (let number = 0; number * gallery.rowsPerBlock < gallery.count; number++) {
    const block = await gallery.read(number);
    run.setBlock(block, () => false);
    run.eachRow(block, (query, item, scores) => {
      const first = query * kept;
      const last = first + kept - 1;
      for (let j = 0; j < scores.length; j++) {
        if (-scores[j] < keys[last]) insertNearest(keys, items, first, last, -scores[j], item + j);
      }
    });
  }
  const squares = run.querySquares();
  const distances = Float64Array.from(keys, (key, i) =>
    distanceOf(distance, -key, squares[Math.floor(i / kept)]),
  );
  return { count: kept, items, distances };
}
