import { describe, expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { blockOf } from './blocks.ts';
import { BlockDistances, type DistanceName, distanceNames } from './distance.ts';

const setOf = (rows: number[][]) => ({
  count: rows.length,
  dimension: rows[0].length,
  features: Float32Array.from(rows.flat()),
});

/** Distances of every query to every item, through one block of each. */
function distances(name: DistanceName, queries: number[][], gallery: number[][]): number[][] {
  const [a, b] = [setOf(queries), setOf(gallery)];
  const to = new BlockDistances(blockOf(a, 0, a.count), name).to(blockOf(b, 0, b.count));
  return queries.map((_, q) => [...to.row(q)]);
}

function randomRows(seed: number, count: number, dimension: number): number[][] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () =>
    Array.from({ length: dimension }, () => Math.fround(random.normal())),
  );
}

const [queries, gallery] = [randomRows(1, 6, 11), randomRows(2, 9, 11)];

test('cosine is one minus the cosine of the angle', () => {
  const found = distances('cosine', queries, gallery);
  for (const [q, query] of queries.entries()) {
    for (const [g, item] of gallery.entries()) {
      const product = query.reduce((sum, x, k) => sum + x * item[k], 0);
      expect(found[q][g]).toBeCloseTo(1 - product / (Math.hypot(...query) * Math.hypot(...item)), 12);
    }
  }
  expect(
    distances(
      'cosine',
      [[2, 0]],
      [
        [5, 0],
        [0, 3],
        [-1, 0],
      ],
    ),
  ).toEqual([[0, 1, 2]]);
});

test('euclidean ranks by the square of the length of the difference', () => {
  const found = distances('euclidean', queries, gallery);
  for (const [q, query] of queries.entries()) {
    for (const [g, item] of gallery.entries()) {
      const square = query.reduce((sum, x, k) => sum + (x - item[k]) ** 2, 0);
      expect(found[q][g]).toBeCloseTo(square, 10);
    }
  }
  expect(
    distances(
      'euclidean',
      [[1, 2]],
      [
        [1, 2],
        [4, 6],
      ],
    ),
  ).toEqual([[0, 25]]);
});

describe.each(distanceNames)('%s', (name) => {
  test('a pair has one distance to the last bit, in whatever block it is found', () => {
    const [a, b] = [setOf(queries), setOf(gallery)];
    const whole = distances(name, queries, gallery);
    for (const queryCount of [1, 4, 6]) {
      for (let queryStart = 0; queryStart + queryCount <= a.count; queryStart += queryCount) {
        const from = new BlockDistances(blockOf(a, queryStart, queryCount), name);
        for (const itemCount of [1, 2, 9]) {
          for (let start = 0; start + itemCount <= b.count; start += itemCount) {
            const to = from.to(blockOf(b, start, itemCount));
            expect([to.start, to.count]).toEqual([start, itemCount]);
            for (let q = queryStart; q < queryStart + queryCount; q++) {
              expect([...to.row(q)]).toEqual(whole[q].slice(start, start + itemCount));
              for (let g = start; g < start + itemCount; g++) expect(to.pair(q, g)).toBe(whole[q][g]);
            }
          }
        }
      }
    }
  });

  test('equal vectors are at equal distances, and a vector at distance 0 to itself', () => {
    const [row] = randomRows(3, 1, 40);
    const [found] = distances(name, [row], [row, gallery[0].concat(randomRows(4, 1, 29)[0]), row]);
    expect(found[0]).toBe(0);
    expect(found[2]).toBe(0);
    expect(found[1]).toBeGreaterThan(0);
  });

  test('it is symmetric to the last bit', () => {
    const there = distances(name, queries, gallery);
    const back = distances(name, gallery, queries);
    for (const [q, row] of there.entries()) {
      for (const [g, distance] of row.entries()) expect(back[g][q]).toBe(distance);
    }
  });

  test('vectors of zeros, and the smallest and largest of float32, give numbers', () => {
    const extreme = [
      [0, 0],
      [2 ** -149, 0],
      [3e38, 3e38],
      [-3e38, 3e38],
    ];
    for (const distance of distances(name, extreme, extreme).flat()) {
      expect(Number.isFinite(distance)).toBe(true);
      expect(distance).toBeGreaterThanOrEqual(0);
    }
  });

  test('another dimension is refused', () => {
    expect(() => distances(name, [[1, 2]], [[1, 2, 3]])).toThrow(
      'Queries have 2 dimensions, the gallery block 3.',
    );
  });
});

test('a vector of zeros has cosine distance 1 to everything, itself included', () => {
  expect(
    distances(
      'cosine',
      [
        [0, 0],
        [1, 1],
      ],
      [
        [0, 0],
        [1, 0],
      ],
    )[0],
  ).toEqual([1, 1]);
  expect(distances('cosine', [[1, 1]], [[0, 0]])).toEqual([[1]]);
});
