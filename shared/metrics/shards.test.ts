import { expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { cutShards } from './shards.ts';

const limits = { queries: 100, matches: 50 };

function identities(seed: number, count: number, different: number): Int32Array {
  const random = createRandom(seed);
  return Int32Array.from({ length: count }, () => random.integer(different));
}

test('shards follow one another and cover every query', () => {
  const shards = cutShards(identities(1, 777, 40), identities(2, 300, 40), limits);
  let next = 0;
  for (const { start, count } of shards) {
    expect(start).toBe(next);
    expect(count).toBeGreaterThan(0);
    next += count;
  }
  expect(next).toBe(777);
});

test('a shard has no more queries than are in memory together', () => {
  const shards = cutShards(new Int32Array(250), new Int32Array(1).fill(1), limits);
  expect(shards.map(({ count }) => count)).toEqual([100, 100, 50]);
});

test('a shard has no more correct matches than are in memory together', () => {
  const shards = cutShards(new Int32Array(6), new Int32Array(20), limits);
  expect(shards.map(({ count }) => count)).toEqual([2, 2, 2]);
});

test('a query above a limit alone is a shard of its own', () => {
  const shards = cutShards(new Int32Array(3), new Int32Array(1000), limits);
  expect(shards.map(({ count }) => count)).toEqual([1, 1, 1]);
});
