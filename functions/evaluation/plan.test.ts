import { expect, test } from 'vitest';
import { planShards } from './plan.ts';

const limits = { work: 1e9, queries: 100, matches: 50 };

test('a shard has no more queries than its work allows', () => {
  // A pair of 36 dimensions counts as 100 multiply-adds.
  const shards = planShards(new Int32Array(10), new Int32Array(1000).fill(1), 36, {
    ...limits,
    work: 300_000,
  });
  expect(shards.map(({ count }) => count)).toEqual([3, 3, 3, 1]);
});

test('a query above that alone is a shard of its own', () => {
  const shards = planShards(new Int32Array(3), new Int32Array(1000).fill(1), 1, { ...limits, work: 10 });
  expect(shards.map(({ count }) => count)).toEqual([1, 1, 1]);
});

test('memory limits hold beside it', () => {
  const queries = planShards(new Int32Array(250), new Int32Array(1).fill(1), 1, limits);
  expect(queries.map(({ count }) => count)).toEqual([100, 100, 50]);
  const matches = planShards(new Int32Array(6), new Int32Array(20), 1, limits);
  expect(matches.map(({ count }) => count)).toEqual([2, 2, 2]);
});
