import type { EmbeddingSet } from '../sets/embedding-set.ts';
import { blockOf, type EmbeddingBlock } from './blocks.ts';
import type { DistanceName } from './distance.ts';
import type { GallerySource } from './evaluate.ts';
import type { GalleryReader } from './gallery-distances.ts';
import type { DistanceKernel } from './kernel/distance-kernel.ts';

/** Rows of a block in memory; any number gives the same bits. */
export const ROWS_PER_BLOCK = 1024;

/** A set in memory as a gallery that is read block by block. */
export function gallerySource(set: EmbeddingSet): GallerySource {
  return {
    labels: set,
    count: set.count,
    rowsPerBlock: ROWS_PER_BLOCK,
    read(block) {
      const start = block * ROWS_PER_BLOCK;
      return blockOf(set, start, Math.min(ROWS_PER_BLOCK, set.count - start));
    },
  };
}

/** Reads a gallery as its distances to a block of queries. The kernel is for no other reading meanwhile. */
export function readDistances(
  kernel: DistanceKernel,
  distance: DistanceName,
  queries: EmbeddingBlock,
  gallery: Omit<GallerySource, 'labels'>,
): GalleryReader {
  const { count, rowsPerBlock } = gallery;
  return async function* (wanted) {
    kernel.begin(queries, rowsPerBlock, distance);
    for (let block = 0; block * rowsPerBlock < count; block++) {
      const start = block * rowsPerBlock;
      if (wanted(start, Math.min(rowsPerBlock, count - start))) yield kernel.to(await gallery.read(block));
    }
  };
}
