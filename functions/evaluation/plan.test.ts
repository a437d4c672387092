import { describe, expect, test } from 'vitest';
import { ruleSchema } from './order.ts';
import type { Subject } from './stages/stage.ts';
import { stages } from './stages/stages.ts';

function subject(
  queries: number,
  items: number,
  {
    dimension = 1,
    work = 1e12,
    readBytes = 1e12,
    rule = {},
  }: { dimension?: number; work?: number; readBytes?: number; rule?: object } = {},
): Subject {
  const labels = (count: number) => ({
    identities: new Int32Array(count).fill(1),
    cameras: Int32Array.from({ length: count }, (_, i) => i % 5),
  });
  return {
    order: {
      query: '',
      gallery: '',
      ...ruleSchema.parse({ protocol: 'none', distance: 'cosine', ...rule }),
    },
    queryLabels: labels(queries),
    galleryLabels: labels(items),
    dimension,
    rowsPerBlock: 100,
    capacity: { work: { kernel: work, rows: work }, readBytes },
  };
}

function counts(stage: keyof typeof stages, of: Subject): number[] | undefined {
  return stages[stage].plan(of)?.shards.map(({ count }) => count);
}

describe('ranking', () => {
  test('a shard has no more queries than its work allows', () => {
    // A pair of 36 dimensions counts as 100 multiply-adds.
    expect(counts('ranking', subject(10, 1000, { dimension: 36, work: 300_000 }))).toEqual([3, 3, 3, 1]);
  });

  test('a query above that alone is a shard of its own', () => {
    expect(counts('ranking', subject(3, 1000, { work: 10 }))).toEqual([1, 1, 1]);
  });

  test('memory limits hold beside it', () => {
    expect(counts('ranking', subject(1100, 1))).toEqual([512, 512, 76]);
    // 500,000 matches of 200,000 each.
    expect(counts('ranking', subject(5, 200_000))).toEqual([2, 2, 1]);
    // Of 100,000 items under five cameras, 20,000 are left out for a query, and all are of its identity.
    const protocol = { drop: [{ sameCamera: true }] };
    expect(counts('ranking', subject(9, 100_000, { rule: { protocol } }))).toEqual([4, 4, 1]);
    // 32 MiB of rows of 8 bytes an item.
    const classic = { protocol: 'cuhk03-classic' };
    const [first] = counts('ranking', subject(100, 40_000, { rule: classic })) as number[];
    expect(first).toBe(Math.min(Math.floor(2 ** 25 / 320_000), 12));
  });

  test('says how often a shard reads the gallery', () => {
    const reads = (rule: object) => stages.ranking.plan(subject(1, 1, { rule }))?.reads.gallery;
    expect(reads({})).toBe(2);
    expect(reads({ topK: 5 })).toBe(3);
    expect(reads({ protocol: 'cuhk03-classic' })).toBe(3);
    expect(reads({ protocol: 'veri776-track' })).toBe(1);
  });
});

describe('a gallery that is more than a shard should read', () => {
  const sizes = { dimension: 36, work: 300_000 * 100, readBytes: 4 * 36 * 1000 };

  test('is cut into ranges of whole blocks, for each range of queries', () => {
    const all = subject(600, 1_050, sizes);
    // Of another identity than the gallery: no matches, which would limit the queries of a shard.
    const of = { ...all, queryLabels: { ...all.queryLabels, identities: new Int32Array(600).fill(2) } };
    const shards = stages.counts.plan(of)?.shards ?? [];
    // A pair counts as 100, and 512 queries of 500 items are 256,000 pairs of 300,000.
    expect(shards).toEqual([
      ...[0, 500, 1000].map((start) => ({
        start: 0,
        count: 512,
        gallery: { start, count: Math.min(500, 1_050 - start) },
      })),
      ...[0, 500, 1000].map((start) => ({
        start: 512,
        count: 88,
        gallery: { start, count: Math.min(500, 1_050 - start) },
      })),
    ]);
    expect(stages.matches.plan(of)?.shards).toEqual(shards);
    expect(stages.ranking.plan(of)?.shards).toEqual([
      { start: 0, count: 512, gallery: { start: 0, count: 1_050 } },
      { start: 512, count: 88, gallery: { start: 0, count: 1_050 } },
    ]);
    const plan = stages.counts.plan(of);
    const work = shards.reduce((sum, { count }) => sum + count * (plan?.workPerItem ?? 0), 0);
    expect(work).toBeCloseTo(600 * 1_050 * 100, 3);
  });

  test('few queries: a range is what may be read', () => {
    const shards = stages.counts.plan(subject(2, 2_500, sizes))?.shards ?? [];
    expect(shards.map(({ gallery }) => gallery?.count)).toEqual([1000, 1000, 500]);
  });

  test('stays whole where lists of the nearest or whole rows are asked for', () => {
    for (const rule of [{ topK: 5 }, { protocol: 'cuhk03-classic' }]) {
      const of = subject(600, 1_050, { ...sizes, rule });
      expect(stages.matches.plan(of)).toBeUndefined();
      expect(stages.counts.plan(of)).toBeUndefined();
      expect(stages.ranking.plan(of)?.shards.every(({ gallery }) => gallery === undefined)).toBe(true);
    }
  });
});

test('other stages are there where they are asked for', () => {
  for (const stage of ['pairs', 'neighbours', 'encodings', 're-ranking'] as const) {
    expect(counts(stage, subject(10, 20))).toBeUndefined();
  }
  const all = subject(10, 20, { rule: { verification: true, rerank: {} } });
  expect(counts('pairs', all)).toEqual([10]);
  expect(counts('neighbours', all)).toEqual([10, 20]);
  expect(counts('re-ranking', all)).toEqual([10]);
});

test('a shard of items is of one set, and what it leaves fits a row of the ledger', () => {
  const rerank = { k1: 100 };
  const shards = stages.encodings.plan(subject(300, 5_000, { rule: { rerank } }))?.shards ?? [];
  expect(shards.reduce((sum, { count }) => sum + count, 0)).toBe(5_300);
  expect(shards.filter(({ start, count }) => start < 300 && start + count > 300)).toEqual([]);
  // 101 reciprocal neighbours and, of each, fewer than a third of 51: 12 bytes a column.
  const bytes = 12 * 101 * 17;
  for (const { count } of shards) expect(count * bytes).toBeLessThan(1_500_000);
});
