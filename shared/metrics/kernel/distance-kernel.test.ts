import { describe, expect, test } from 'vitest';
import { kernelBuilds } from '../../../test/kernel.ts';
import { plainDistances } from '../../../test/plain-distances.ts';
import { quantised, randomSet } from '../../../test/slow-evaluation.ts';
import { createRandom, type Random } from '../../random.ts';
import type { EmbeddingSet } from '../../sets/embedding-set.ts';
import { blockOf, blocksOf } from '../blocks.ts';
import { distanceNames } from '../distance.ts';
import { DistanceKernel } from './distance-kernel.ts';

const builds = [
  ['relaxed SIMD', kernelBuilds.relaxedSimd()],
  ['SIMD', kernelBuilds.simd()],
] as const;

/** Every remainder of a group, a tile, a panel and a block. */
const sizes = [
  [1, 1, 1, 1],
  [3, 9, 5, 4],
  [8, 16, 16, 16],
  [9, 70, 63, 33],
  [21, 71, 512, 24],
  [2, 40, 2049, 17],
];

/** Long and short vectors, ties, and a vector of zeros. */
function setOf(random: Random, count: number, dimension: number): EmbeddingSet {
  const feature = (r: Random) => (r.uniform() < 0.3 ? quantised(r) : r.normal());
  const set = randomSet(random, count, dimension, feature);
  for (const [row, factor] of [
    [0, 1e-30],
    [1, 1e18],
    [2, 0],
  ]) {
    for (let k = 0; k < dimension && row < count; k++) set.features[row * dimension + k] *= factor;
  }
  return set;
}

describe.each(builds)('%s', (_, module) => {
  test.each(distanceNames)('gives the bits of plain loops: %s', (distance) => {
    const random = createRandom(31);
    const kernel = new DistanceKernel(module);
    for (const [queryCount, galleryCount, dimension, rowsPerBlock] of sizes) {
      const queries = setOf(random, queryCount, dimension);
      const gallery = setOf(random, galleryCount, dimension);
      const expected = plainDistances(distance, queries, gallery);
      // From the middle of the set, as a shard has them.
      const first = Math.floor(queryCount / 3);
      kernel.begin(blockOf(queries, first, queryCount - first), rowsPerBlock, distance);
      for (const block of blocksOf(gallery, rowsPerBlock)) {
        const distances = kernel.to(block);
        for (const query of random.permutation(queryCount - first).map((q) => first + q)) {
          const row = [...expected[query].subarray(block.start, block.start + block.count)];
          expect([...distances.row(query)]).toStrictEqual(row);
          expect(row.map((_, j) => distances.pair(query, block.start + j))).toStrictEqual(row);
        }
      }
    }
  });

  test('its memory is what is said of it', () => {
    const kernel = new DistanceKernel(module);
    expect(kernel.bytes).toBe(65_536);
    const set = { dimension: 512, features: new Float32Array(300 * 512) };
    kernel.begin(blockOf(set, 0, 300), 1024, 'cosine');
    expect(kernel.bytes).toBeGreaterThanOrEqual(DistanceKernel.bytes(512, 1024));
    expect(kernel.bytes).toBeLessThan(DistanceKernel.bytes(512, 1024) + 2 * 65_536);
  });

  test('refuses a block that does not fit', () => {
    const kernel = new DistanceKernel(module);
    const set = { dimension: 2, features: new Float32Array(40) };
    kernel.begin(blockOf(set, 0, 5), 8, 'cosine');
    expect(() => kernel.to(blockOf(set, 0, 9))).toThrow(
      'A gallery block of 9 rows has 18 numbers; up to 8 rows of 2 are expected.',
    );
    expect(() => kernel.to({ start: 0, count: 1, dimension: 3, features: new Float32Array(3) })).toThrow(
      'Queries have 2 dimensions, the gallery block 3.',
    );
  });

  test('gives no distances of a block that another has followed', () => {
    const kernel = new DistanceKernel(module);
    const set = { dimension: 2, features: new Float32Array(40) };
    const queries = blockOf(set, 0, 5);
    kernel.begin(queries, 8, 'cosine');
    const before = kernel.to(blockOf(set, 0, 8));
    kernel.to(blockOf(set, 8, 8));
    expect(() => before.row(0)).toThrow('Distances are asked of a block that another has followed.');
    const last = kernel.to(blockOf(set, 8, 8));
    kernel.begin(queries, 8, 'cosine');
    expect(() => last.pair(0, 8)).toThrow('Distances are asked of a block that another has followed.');
  });
});
