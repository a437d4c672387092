import { describe, expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { bootstrapMeans } from './bootstrap.ts';

const options = { resamples: 1000, seed: 7, confidence: 0.95 };

function normals(seed: number, count: number): number[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => random.normal());
}

test('by the definition: drawn, averaged, sorted, read off', () => {
  const [x, y] = [normals(1, 30), normals(2, 30)];
  const random = createRandom(7);
  const resamples = Array.from({ length: 1000 }, () => {
    const drawn = Array.from({ length: 30 }, () => random.integer(30));
    return [x, y].map((values) => drawn.reduce((sum, i) => sum + values[i], 0) / 30);
  });
  const found = bootstrapMeans([x, y], options);
  for (const [c, values] of [x, y].entries()) {
    const sorted = resamples.map((means) => means[c]).sort((a, b) => a - b);
    // 1,000 numbers: the quantile 0.025 is at place 24.975.
    const low = sorted[24] + 0.975 * (sorted[25] - sorted[24]);
    const high = sorted[974] + 0.025 * (sorted[975] - sorted[974]);
    expect(found?.[c].low).toBeCloseTo(low, 12);
    expect(found?.[c].high).toBeCloseTo(high, 12);
    expect(found?.[c].mean).toBeCloseTo(values.reduce((a, b) => a + b, 0) / 30, 12);
  }
});

test('holds the mean as often as it says', () => {
  let held = 0;
  for (let trial = 0; trial < 300; trial++) {
    const [interval] = bootstrapMeans([normals(100 + trial, 80)], { ...options, resamples: 400 }) ?? [];
    if (interval.low <= 0 && interval.high >= 0) held++;
  }
  // 95 % of 300 is 285, with a deviation of 4; the percentile method is a little narrow.
  expect(held).toBeGreaterThan(268);
  expect(held).toBeLessThan(298);
});

test('is as wide as the central limit says', () => {
  const [interval] = bootstrapMeans([normals(3, 3368)], options) ?? [];
  const expected = (2 * 1.96) / Math.sqrt(3368);
  expect((interval.high - interval.low) / expected).toBeGreaterThan(0.9);
  expect((interval.high - interval.low) / expected).toBeLessThan(1.1);
});

describe('the edges', () => {
  test('the seed decides', () => {
    const values = normals(4, 50);
    expect(bootstrapMeans([values], options)).toStrictEqual(bootstrapMeans([values], options));
    expect(bootstrapMeans([values], { ...options, seed: 8 })).not.toEqual(bootstrapMeans([values], options));
  });

  test('one query, or queries that are all the same, leave no doubt', () => {
    for (const values of [[0.5], [0.5, 0.5, 0.5]]) {
      expect(bootstrapMeans([values], options)).toEqual([{ mean: 0.5, low: 0.5, high: 0.5 }]);
    }
  });

  test('no query, no interval', () => {
    expect(bootstrapMeans([[]], options)).toBeUndefined();
    expect(bootstrapMeans([], options)).toBeUndefined();
  });

  test('columns of different length are refused', () => {
    expect(() => bootstrapMeans([[1, 2], [1]], options)).toThrow('Columns of 2,1 queries');
  });
});
