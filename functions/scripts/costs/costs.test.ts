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
  // 576 multiply-adds a pair: 1,000 million a query, and a shard is planned for 21,000 million.
  const sizes = { queries: 100, gallery: 1_736_111, dimension: 512, identities: 1_736_111 };
  expect(shardsOf(sizes)).toEqual({ shards: 5, queriesPerShard: 21 });
  const usage = evaluationUsage(sizes);
  // 3,555,555,328 bytes are 1,696 blocks; 21 matches lie in 20.9 of them.
  const blocks = 1_696;
  const matched = blocks * (1 - (1 - 1 / blocks) ** 21);
  expect(matched).toBeCloseTo(20.88, 2);
  expect(usage.bucketRead).toBeCloseTo(5 * (blocks + matched + 6), 6);
  // 10 s of products, and 3.556 s for the bytes of each shard.
  const seconds = 10 + (5 * 3.555555328 * (blocks + matched)) / blocks;
  expect(usage.cpuMs).toBeCloseTo(1000 * seconds, 1);
  expect(usage.queueOperation).toBe(15);
  expect(usage.objectRequest).toBe(20 + 10);
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
