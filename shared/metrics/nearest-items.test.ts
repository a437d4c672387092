import { describe, expect, test } from 'vitest';
import { kernelBuilds } from '../../test/kernel.ts';
import { quantised, randomSet } from '../../test/slow-evaluation.ts';
import { createRandom } from '../random.ts';
import type { EmbeddingSet } from '../sets/embedding-set.ts';
import { blockOf } from './blocks.ts';
import { type DistanceName, distanceNames } from './distance.ts';
import { nearestItems } from './nearest-items.ts';

const row = ({ dimension, features }: EmbeddingSet, i: number) =>
  features.subarray(i * dimension, (i + 1) * dimension);

/** The definition, in double precision. */
function slowDistance(distance: DistanceName, a: Float32Array, b: Float32Array): number {
  if (distance === 'cosine') {
    const product = a.reduce((sum, value, k) => sum + value * b[k], 0);
    const lengths = Math.hypot(...a) * Math.hypot(...b);
    return lengths === 0 ? 1 : 1 - product / lengths;
  }
  const square = a.reduce((sum, value, k) => sum + (value - b[k]) ** 2, 0);
  return distance === 'euclidean' ? Math.sqrt(square) : square;
}

function find(
  build: keyof typeof kernelBuilds,
  distance: DistanceName,
  queries: EmbeddingSet,
  gallery: EmbeddingSet,
  rowsPerBlock: number,
  count: number,
) {
  return nearestItems(
    kernelBuilds[build](),
    distance,
    blockOf(queries, 0, queries.count),
    {
      labels: gallery,
      count: gallery.count,
      rowsPerBlock,
      read: (block) => {
        const start = block * rowsPerBlock;
        return blockOf(gallery, start, Math.min(rowsPerBlock, gallery.count - start));
      },
    },
    count,
  );
}

describe.each(['relaxedSimd', 'simd'] as const)('%s', (build) => {
  test.each([
    [1, 1, 1, 1, 5],
    [3, 50, 4, 7, 10],
    [5, 200, 3, 64, 200],
    [2, 130, 33, 130, 1],
    [4, 90, 2, 16, 1000],
  ])('%i queries, %i items of %i dimensions in blocks of %i: the nearest %i', async (q, g, d, rows, k) => {
    const random = createRandom(q * g + d);
    const queries = randomSet(random, q, d, quantised);
    const gallery = randomSet(random, g, d, quantised);
    for (const distance of distanceNames) {
      const found = await find(build, distance, queries, gallery, rows, k);
      expect(found.count).toBe(Math.min(k, g));
      for (let i = 0; i < q; i++) {
        const distances = Array.from({ length: g }, (_, j) =>
          slowDistance(distance, row(queries, i), row(gallery, j)),
        );
        const nearest = [...distances].sort((a, b) => a - b).slice(0, k);
        const items = [...found.items.subarray(i * found.count, (i + 1) * found.count)];
        const values = [...found.distances.subarray(i * found.count, (i + 1) * found.count)];
        expect(new Set(items).size).toBe(found.count);
        for (const [place, value] of values.entries()) {
          expect(value).toBeCloseTo(nearest[place], 5);
          expect(distances[items[place]]).toBeCloseTo(value, 5);
          // Of equal distances, of which coarse numbers have many, the lower index comes first.
          if (place > 0 && value === values[place - 1])
            expect(items[place]).toBeGreaterThan(items[place - 1]);
        }
        if (distance !== 'cosine') {
          // Small whole numbers have exact squares: the whole order is that of a stable sort.
          const order = distances.map((_, j) => j).sort((a, b) => distances[a] - distances[b] || a - b);
          expect(items).toEqual(order.slice(0, k));
        }
      }
    }
  });
});
