import { expect, test } from 'vitest';
import { blockOf, blocksOf } from './blocks.ts';

const set = { count: 5, dimension: 3, features: Float32Array.from({ length: 15 }, (_, i) => i) };

test('a block is transposed and knows where it starts', () => {
  expect(blockOf(set, 1, 2)).toEqual({
    start: 1,
    count: 2,
    dimension: 3,
    // Rows 1 (3, 4, 5) and 2 (6, 7, 8), by column.
    features: Float32Array.of(3, 6, 4, 7, 5, 8),
  });
});

test.each([1, 2, 3, 5, 8])('blocks of %i hold every row once, in order', (rowsPerBlock) => {
  const rows: number[][] = [];
  for (const { start, count, dimension, features } of blocksOf(set, rowsPerBlock)) {
    expect(start).toBe(rows.length);
    expect(count).toBe(Math.min(rowsPerBlock, 5 - start));
    for (let j = 0; j < count; j++) {
      rows.push(Array.from({ length: dimension }, (_, k) => features[k * count + j]));
    }
  }
  expect(rows.flat()).toEqual([...set.features]);
});

test('an empty set has no blocks', () => {
  expect([...blocksOf({ count: 0, dimension: 3, features: new Float32Array() }, 4)]).toEqual([]);
});
