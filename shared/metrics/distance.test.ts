import { describe, expect, test } from 'vitest';
import { kernel, kernelBuilds } from '../../test/kernel.ts';
import { createRandom } from '../random.ts';
import { blockOf } from './blocks.ts';
import { type DistanceName, distanceNames, listedDistances } from './distance.ts';
import type { CompiledModule } from './kernel/webassembly.ts';

const setOf = (rows: number[][]) => ({
  count: rows.length,
  dimension: rows[0].length,
  features: Float32Array.from(rows.flat()),
});

/** Distances of every query to every item, the gallery cut into blocks. */
async function distances(
  name: DistanceName,
  queries: number[][],
  gallery: number[][],
  rowsPerBlock = gallery.length,
  module: CompiledModule = kernel,
): Promise<number[][]> {
  const items = setOf(gallery);
  const { count } = items;
  const found = await listedDistances(
    module,
    name,
    blockOf(setOf(queries), 0, queries.length),
    {
      labels: { identities: new Int32Array(count), cameras: new Int32Array(count) },
      count,
      rowsPerBlock,
      read: (block) =>
        blockOf(items, block * rowsPerBlock, Math.min(rowsPerBlock, count - block * rowsPerBlock)),
    },
    {
      starts: Int32Array.from({ length: queries.length + 1 }, (_, q) => q * count),
      items: Int32Array.from({ length: queries.length * count }, (_, i) => i % count),
    },
  );
  return queries.map((_, q) => [...found.subarray(q * count, (q + 1) * count)]);
}

function randomRows(seed: number, count: number, dimension: number): number[][] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () =>
    Array.from({ length: dimension }, () => Math.fround(random.normal())),
  );
}

const [queries, gallery] = [randomRows(1, 6, 131), randomRows(2, 19, 131)];

test('cosine is one minus the cosine of the angle', async () => {
  const found = await distances('cosine', queries, gallery);
  for (const [q, query] of queries.entries()) {
    for (const [g, item] of gallery.entries()) {
      const product = query.reduce((sum, x, k) => sum + x * item[k], 0);
      expect(found[q][g]).toBeCloseTo(1 - product / (Math.hypot(...query) * Math.hypot(...item)), 6);
    }
  }
  const axes = [
    [5, 0],
    [0, 3],
    [-1, 0],
  ];
  expect(await distances('cosine', [[2, 0]], axes)).toEqual([[0, 1, 2]]);
});

test('euclidean is the length of the difference, squared-euclidean its square', async () => {
  const lengths = await distances('euclidean', queries, gallery);
  const squares = await distances('squared-euclidean', queries, gallery);
  for (const [q, query] of queries.entries()) {
    for (const [g, item] of gallery.entries()) {
      const square = query.reduce((sum, x, k) => sum + (x - item[k]) ** 2, 0);
      expect(squares[q][g] / square).toBeCloseTo(1, 5);
      expect(lengths[q][g]).toBe(Math.sqrt(squares[q][g]));
    }
  }
  const items = [
    [1, 2],
    [4, 6],
  ];
  expect(await distances('euclidean', [[1, 2]], items)).toEqual([[0, 5]]);
  expect(await distances('squared-euclidean', [[1, 2]], items)).toEqual([[0, 25]]);
});

describe.each([
  ['relaxed SIMD', kernelBuilds.relaxedSimd()],
  ['SIMD', kernelBuilds.simd()],
])('with %s', (_, module) => {
  test.each(distanceNames)(
    '%s: a pair has one distance to the last bit, wherever it is found',
    async (name) => {
      const whole = await distances(name, queries, gallery, gallery.length, module);
      for (const rowsPerBlock of [1, 2, 8, 13]) {
        expect(await distances(name, queries, gallery, rowsPerBlock, module)).toEqual(whole);
      }
      for (const [q, query] of queries.entries()) {
        expect(await distances(name, [query], gallery, 5, module)).toEqual([whole[q]]);
        const shifted = await distances(name, [gallery[0], query], gallery.slice(q), 7, module);
        expect(shifted[1]).toEqual(whole[q].slice(q));
      }
    },
  );

  test('whole numbers have exact products: both builds agree', async () => {
    const whole = (rows: number[][]) => rows.map((row) => row.map((x) => Math.round(8 * x)));
    for (const name of distanceNames) {
      const found = await distances(name, whole(queries), whole(gallery), 4, module);
      expect(found).toEqual(await distances(name, whole(queries), whole(gallery)));
    }
  });
});

describe.each(distanceNames)('%s', (name) => {
  test('equal vectors are at equal distances, and nothing is nearer than a vector to itself', async () => {
    const [row] = randomRows(3, 1, 131);
    const [found] = await distances(name, [row], [row, ...gallery, row], 3);
    expect(found[0]).toBe(found[found.length - 1]);
    expect(found[0]).toBeLessThan(1e-2);
    for (const other of found.slice(1, -1)) expect(other).toBeGreaterThan(found[0]);
  });

  test('another dimension is refused', async () => {
    await expect(distances(name, [[1, 2]], [[1, 2, 3]])).rejects.toThrow(
      'Queries have 2 dimensions, the gallery block 3.',
    );
  });
});

test('a vector of zeros has cosine distance 1 to everything, itself included', async () => {
  const [zero, one] = [
    [0, 0],
    [1, 1],
  ];
  expect(await distances('cosine', [zero, one], [zero, [1, 0]])).toEqual([
    [1, 1],
    [1, expect.closeTo(1 - Math.SQRT1_2, 6)],
  ]);
});

test('cosine: the smallest and the largest of float32 have directions as any other', async () => {
  const extreme = [
    [2 ** -149, 0],
    [3e38, 3e38],
    [-3e38, 3e38],
    [1e-30, -1e-30],
    [0, 2 ** 100],
  ];
  const unit = extreme.map((row) => row.map((x) => x / Math.hypot(...row)));
  for (const [q, row] of (await distances('cosine', extreme, extreme)).entries()) {
    for (const [g, distance] of row.entries()) {
      expect(distance).toBeCloseTo(1 - unit[q][0] * unit[g][0] - unit[q][1] * unit[g][1], 6);
    }
  }
});

test('euclidean: a length beyond 2^60 is refused by name', async () => {
  const rows = [
    [1, 1],
    [2 ** 61, 0],
  ];
  await expect(distances('euclidean', rows, [[1, 1]])).rejects.toThrow('The length of query 1 is above 2^60');
  await expect(distances('squared-euclidean', [[1, 1]], rows, 1)).rejects.toThrow(
    'The length of gallery item 1 is above 2^60',
  );
  expect(await distances('squared-euclidean', [[0, 0]], [[2 ** 60, 0]])).toEqual([[2 ** 120]]);
});
