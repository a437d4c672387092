import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../wrangler.ts';
import { costTables, embeddingUsage, evaluationUsage, shardsOf, storageUsage } from './costs.ts';
import { included, isIncluded, PRICES_OF, priceOf, prices, type Unit } from './prices.ts';

const page = readFileSync(join(root, 'docs/deployment.md'), 'utf8');

test('the page shows what is computed', () => {
  expect(page).toContain(costTables());
  expect(page).toContain(`as of ${PRICES_OF}`);
});

test('a million pictures at 80 ms are 82 million ms and 62,500 requests', () => {
  const usage = embeddingUsage(1_000_000, 80);
  expect(usage).toEqual({ request: 62_500, cpuMs: 82_000_000 });
  // 82 × $0.02 and 0.0625 × $0.30.
  expect(priceOf(usage)).toBeCloseTo(1.64 + 0.01875, 10);
});

test('an evaluation is priced by hand', () => {
  // 576 multiply-adds a pair: 59 million a query, and a shard is planned for 21,000 million.
  const sizes = { queries: 1_000, gallery: 102_400, dimension: 512, identities: 102_400 };
  expect(shardsOf(sizes)).toEqual({ shards: 3, queriesPerShard: 356, ranges: 1 });
  const usage = evaluationUsage(sizes);
  // 209,715,200 bytes are 100 blocks; 356 matches lie in nearly all of them.
  const matched = 100 * (1 - 0.99 ** 356);
  expect(matched).toBeCloseTo(97.21, 2);
  expect(usage.bucketRead).toBeCloseTo(3 * (100 + matched + 6), 6);
  // 5.898 s of products, and the bytes of each shard.
  const seconds = 5.89824 + (3 * 0.2097152 * (100 + matched)) / 100;
  expect(usage.cpuMs).toBeCloseTo(1000 * seconds, 1);
  expect(usage.queueOperation).toBe(9);
  expect(usage.objectRequest).toBe(20 + 6);
});

test('a gallery that is cut is read twice for each range of queries', () => {
  // A shard is 512 queries and 71,207 items by its work: 69 blocks of 1,024. 1,024,000 items are 14.49 of that.
  const sizes = { queries: 1_024, gallery: 1_024_000, dimension: 512, identities: 2 };
  expect(shardsOf(sizes)).toEqual({ shards: 2 * (15 + 15 + 1), queriesPerShard: 512, ranges: 15 });
  const usage = evaluationUsage(sizes);
  expect(usage.bucketRead).toBeCloseTo(2 * 2 * 1_000 + 6 * 62, 3);
});

test('a gigabyte costs a cent and a half a month', () => {
  const usage = storageUsage(1_000_000, 248);
  expect(usage.bucketGigabyteMonth).toBe(1);
  expect(usage.bucketWrite).toBe(477 + 2);
  expect(priceOf({ bucketGigabyteMonth: 1 })).toBe(0.015);
});

test('what the plan includes ends at its amounts', () => {
  for (const unit of Object.keys(included) as Unit[]) {
    expect(isIncluded({ [unit]: included[unit] }), unit).toBe(true);
    expect(isIncluded({ [unit]: included[unit] + 1 }), unit).toBe(false);
    expect(prices[unit], unit).toBeGreaterThan(0);
  }
});
