import { describe, expect, test } from 'vitest';
import { expectAllClose } from '../../test/allclose.ts';
import { hasData } from '../../test/data.ts';
import { GROCERY, loadGrocery } from '../../test/grocery.ts';
import { kernel } from '../../test/kernel.ts';
import { quantised, randomSet } from '../../test/slow-evaluation.ts';
import { slowReRank } from '../../test/slow-re-ranking.ts';
import { createRandom } from '../random.ts';
import type { EmbeddingSet } from '../sets/embedding-set.ts';
import { blocksOf } from './blocks.ts';
import { type DistanceName, distanceNames } from './distance.ts';
import { evaluateSets, type SetRule } from './evaluate-sets.ts';
import { ReRankingMemoryError, reRank, reRankingBytes } from './re-ranking.ts';
import { type ReRankingOptions, reRankingDefaults } from './re-ranking-options.ts';

const UNLIMITED = Number.POSITIVE_INFINITY;

/** The distances of all items to all, queries first. */
function allDistances(distance: DistanceName, queries: EmbeddingSet, gallery: EmbeddingSet): number[][] {
  const rows = [queries, gallery].flatMap(({ count, dimension, features }) =>
    Array.from({ length: count }, (_, i) => [...features.subarray(i * dimension, (i + 1) * dimension)]),
  );
  const dot = (a: number[], b: number[]) => a.reduce((sum, x, k) => sum + x * b[k], 0);
  return rows.map((a) =>
    rows.map((b) => {
      if (distance !== 'cosine') return Math.sqrt(Math.max(0, dot(a, a) + dot(b, b) - 2 * dot(a, b)));
      const lengths = Math.sqrt(dot(a, a) * dot(b, b));
      return lengths === 0 ? 1 : 1 - dot(a, b) / lengths;
    }),
  );
}

async function matrix(
  distance: DistanceName,
  queries: EmbeddingSet,
  gallery: EmbeddingSet,
  options: ReRankingOptions,
  size = 16,
): Promise<{ rows: number[][]; pairs: number[][] }> {
  const source = await reRank(kernel, queries, gallery, distance, options, UNLIMITED);
  const rows: number[][] = [];
  const pairs: number[][] = [];
  for (const queryBlock of blocksOf(queries, size)) {
    for (let q = 0; q < queryBlock.count; q++) {
      rows.push([]);
      pairs.push([]);
    }
    for await (const block of source(queryBlock)(() => true)) {
      for (let query = queryBlock.start; query < queryBlock.start + queryBlock.count; query++) {
        rows[query].push(...block.row(query));
        for (let j = 0; j < block.count; j++) pairs[query].push(block.pair(query, block.start + j));
      }
    }
  }
  return { rows, pairs };
}

describe.each(distanceNames)('by %s', (distance) => {
  test.each<[string, ReRankingOptions]>([
    ['the paper’s choice', reRankingDefaults],
    ['few neighbours', { k1: 5, k2: 3, lambda: 0.3 }],
    ['a half that rounds up to even', { k1: 7, k2: 2, lambda: 0 }],
    ['no query expansion', { k1: 9, k2: 1, lambda: 0.5 }],
    ['a wide query expansion', { k1: 4, k2: 12, lambda: 0.1 }],
    ['more neighbours than items', { k1: 200, k2: 150, lambda: 0.3 }],
    ['one neighbour', { k1: 1, k2: 1, lambda: 0.7 }],
  ])('is what the full matrices give: %s', async (_, options) => {
    for (const feature of [quantised, (r: ReturnType<typeof createRandom>) => r.normal()]) {
      const random = createRandom(1);
      const [queries, gallery] = [randomSet(random, 20, 4, feature), randomSet(random, 50, 4, feature)];
      const expected = slowReRank(allDistances(distance, queries, gallery), queries.count, options);
      const { rows, pairs } = await matrix(distance, queries, gallery, options);
      for (const [q, row] of rows.entries()) expectAllClose(row, expected[q], 1e-12, `query ${q}`);
      // Ranks are counted against the distances of single pairs.
      expect(pairs).toStrictEqual(rows);
    }
  });

  test('how queries are cut changes no bit, and tiles of the gallery none either', async () => {
    const random = createRandom(2);
    const feature = (r: typeof random) => r.normal();
    const [queries, gallery] = [randomSet(random, 30, 4, feature), randomSet(random, 1500, 4, feature)];
    const whole = await matrix(distance, queries, gallery, reRankingDefaults, 30);
    expect(await matrix(distance, queries, gallery, reRankingDefaults, 7)).toStrictEqual(whole);
  });
});

test('vectors that are all equal stay in the gallery’s order', async () => {
  const random = createRandom(3);
  const set = { ...randomSet(random, 30, 4, quantised), features: new Float32Array(120).fill(1) };
  const rule: SetRule = { protocol: 'none', distance: 'euclidean', draws: { repeats: 1, seed: 0 } };
  const expected = slowReRank(allDistances('euclidean', set, set), 30, reRankingDefaults);
  const { rows } = await matrix('euclidean', set, set, reRankingDefaults);
  for (const [q, row] of rows.entries()) expectAllClose(row, expected[q], 1e-12);
  const distances = await reRank(kernel, set, set, 'euclidean', reRankingDefaults, UNLIMITED);
  expect((await evaluateSets(kernel, rule, set, set, { distances })).result.validQueries).toBe(30);
});

describe('the limit on memory', () => {
  const random = createRandom(4);
  const [queries, gallery] = [randomSet(random, 20, 4, quantised), randomSet(random, 50, 4, quantised)];
  const needed = reRankingBytes(20, 50, 4, reRankingDefaults);

  test('refuses what would not fit, before it begins, with what it needs', async () => {
    const calls: number[] = [];
    const refused = reRank(kernel, queries, gallery, 'cosine', reRankingDefaults, needed - 1, (done) =>
      calls.push(done),
    );
    await expect(refused).rejects.toThrow(ReRankingMemoryError);
    await expect(refused).rejects.toMatchObject({
      limitBytes: needed - 1,
      neededBytes: needed,
      message: `Re-ranking 20 queries and 50 gallery items of 4 dimensions (k1 = 20, k2 = 6) needs ${needed} bytes of memory; the limit is ${needed - 1} bytes.`,
    });
    expect(calls).toEqual([]);
    await expect(
      reRank(kernel, queries, gallery, 'cosine', reRankingDefaults, needed),
    ).resolves.toBeDefined();
  });

  test('grows with the items, not with the pairs', () => {
    const bytes = (items: number) => reRankingBytes(items / 5, items, 512, reRankingDefaults);
    const [one, two, four] = [20_000, 40_000, 80_000].map(bytes);
    expect(four - two).toBe(2 * (two - one));
    // Market-1501: far from the 19,281² numbers of a matrix.
    expect(reRankingBytes(3368, 15913, 512, reRankingDefaults)).toBeLessThan(64 * 2 ** 20);
  });
});

test.each([
  [{ k1: 0, k2: 6, lambda: 0.3 }, 'k1 is 0, not a whole number from 1 on.'],
  [{ k1: 20, k2: 1.5, lambda: 0.3 }, 'k2 is 1.5, not'],
  [{ k1: 20, k2: 6, lambda: 1.1 }, 'lambda is 1.1, not from 0 to 1.'],
  [{ k1: 20, k2: 6, lambda: Number.NaN }, 'lambda is NaN'],
])('refuses %o', async (options, message) => {
  const set = randomSet(createRandom(5), 9, 4, quantised);
  await expect(reRank(kernel, set, set, 'cosine', options, UNLIMITED)).rejects.toThrow(message);
});

describe.skipIf(!hasData(...GROCERY))('Grocery Store by 256-d MobileNet features', () => {
  test('agrees with torchreid, open-reid, fast-reid and the original trapezoid', async () => {
    const { queries, gallery, expected } = loadGrocery();
    const references = expected['k-reciprocal re-ranking k1=20 k2=6 lambda=0.3 (euclidean, float64)'];
    const distances = await reRank(kernel, queries, gallery, 'euclidean', reRankingDefaults, 64 * 2 ** 20);
    const rule: SetRule = { protocol: 'none', distance: 'euclidean', draws: { repeats: 1, seed: 0 } };
    const { result } = await evaluateSets(kernel, rule, queries, gallery, { distances });
    expect(result.validQueries).toBe(references.validQueries);
    for (const implementation of ['torchreid', 'open-reid(sklearn AP)', 'fast-reid']) {
      const { mAP, mINP, cmc } = references[implementation];
      expect(result.mAP, implementation).toBeCloseTo(mAP, 9);
      if (mINP !== undefined) expect(result.mINP).toBeCloseTo(mINP, 6);
      for (const [rank, share] of Object.entries(cmc ?? {})) {
        expect(result.cmc[rank], `rank ${rank}`).toBeCloseTo(share, 6);
      }
    }
    const trapezoid = references['market-matlab compute_AP (trapezoid, transcribed)'];
    expect(result.mAPTrapezoid).toBeCloseTo(trapezoid.mAP, 9);
  });
});
