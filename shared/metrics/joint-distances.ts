import type { EmbeddingBlock } from './blocks.ts';
import type { DistanceName } from './distance.ts';
import type { GallerySource } from './evaluate.ts';
import type { GalleryReader } from './gallery-distances.ts';
import type { DistanceKernel } from './kernel/distance-kernel.ts';
import { readDistances } from './read-distances.ts';

/** A query set and a gallery set that are one: first all queries, then all gallery items. */
export interface JointSource {
  readonly queries: Omit<GallerySource, 'labels'>;
  readonly gallery: Omit<GallerySource, 'labels'>;
}

/** Reads both sets as their distances to a block of either, each item named by its place in both together. */
export function readJointDistances(
  kernel: DistanceKernel,
  distance: DistanceName,
  block: EmbeddingBlock,
  { queries, gallery }: JointSource,
): GalleryReader {
  return async function* (wanted) {
    for (const [source, first] of [
      [queries, 0],
      [gallery, queries.count],
    ] as const) {
      const moved = {
        ...source,
        read: async (number: number) => {
          const read = await source.read(number);
          return { ...read, start: first + read.start };
        },
      };
      yield* readDistances(kernel, distance, block, moved)((start, count) => wanted(first + start, count));
    }
  };
}
