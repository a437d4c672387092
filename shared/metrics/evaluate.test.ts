import { describe, expect, test } from 'vitest';
import { kernel } from '../../test/kernel.ts';
import { quantised, randomSet, slowEvaluate } from '../../test/slow-evaluation.ts';
import { createRandom } from '../random.ts';
import type { EmbeddingSet } from '../sets/embedding-set.ts';
import { blockOf } from './blocks.ts';
import { distanceNames } from './distance.ts';
import { type EvaluationRule, evaluate, evaluateShard, type GallerySource } from './evaluate.ts';
import { protocolNames } from './protocols.ts';
import type { QueryScores } from './scores.ts';
import { type EvaluationResult, summarise } from './summary.ts';

const rules = protocolNames.flatMap((protocol) =>
  distanceNames.map((distance): EvaluationRule => ({ protocol, distance })),
);

/** The same figures, but for the order in which the slow way sums them. */
function expectSame(found: EvaluationResult, expected: EvaluationResult): void {
  expect(found.validQueries).toBe(expected.validQueries);
  expect(found.skippedQueries).toBe(expected.skippedQueries);
  expect(found.cmc).toEqual(expected.cmc);
  expect(Object.keys(found.precision)).toEqual(Object.keys(expected.precision));
  for (const [rank, precision] of Object.entries(expected.precision)) {
    expect(found.precision[rank], `precision at ${rank}`).toBeCloseTo(precision, 12);
  }
  for (const name of ['mAP', 'mAPTrapezoid', 'mAPAtR', 'rPrecision', 'mINP'] as const) {
    if (expected[name] === null) expect(found[name], name).toBeNull();
    else expect(found[name], name).toBeCloseTo(expected[name], 12);
  }
}

/** A set of these rows, each of them [identity, camera, ...feature]. */
function setOf(rows: number[][]): EmbeddingSet {
  return {
    count: rows.length,
    dimension: rows[0].length - 2,
    features: Float32Array.from(rows.flatMap((row) => row.slice(2))),
    identities: Int32Array.from(rows, ([identity]) => identity),
    cameras: Int32Array.from(rows, ([, camera]) => camera),
  };
}

describe.each(rules)('$protocol by $distance', (rule) => {
  test.each([1, 2, 3, 4])('random sets full of ties, %i', async (seed) => {
    const random = createRandom(seed);
    // Three dimensions of three values: 27 vectors for 90 items.
    const gallery = randomSet(random, 90, 3, quantised);
    const queries = rule.protocol === 'all' ? gallery : randomSet(random, 40, 3, quantised);
    const result = await evaluate(kernel, rule, queries, gallery);
    expectSame(result, slowEvaluate(rule, queries, gallery));
    expect(result.validQueries).toBeGreaterThan(0);
  });

  test.each([5, 6])('random sets without ties, %i', async (seed) => {
    const random = createRandom(seed);
    const gallery = randomSet(random, 150, 8, (r) => r.normal());
    const queries = rule.protocol === 'all' ? gallery : randomSet(random, 30, 8, (r) => r.normal());
    expectSame(await evaluate(kernel, rule, queries, gallery), slowEvaluate(rule, queries, gallery));
  });

  test('how queries and gallery are cut changes no bit', async () => {
    const random = createRandom(7);
    const feature = (r: typeof random) => (r.uniform() < 0.5 ? quantised(r) : r.normal());
    const gallery = randomSet(random, 80, 5, feature);
    const queries = rule.protocol === 'all' ? gallery : randomSet(random, 50, 5, feature);
    const whole = await evaluate(kernel, rule, queries, gallery);
    for (const rowsPerBlock of [1, 3, 7, 1024]) {
      const source: GallerySource = {
        labels: gallery,
        count: gallery.count,
        rowsPerBlock,
        // One gallery is in memory and another is fetched: both kinds of reading.
        read: (block) => {
          const start = block * rowsPerBlock;
          const read = blockOf(gallery, start, Math.min(rowsPerBlock, gallery.count - start));
          return rowsPerBlock === 3 ? Promise.resolve(read) : read;
        },
      };
      for (const shard of [1, 9, 64]) {
        const parts: QueryScores[] = [];
        for (let start = 0; start < queries.count; start += shard) {
          const block = blockOf(queries, start, Math.min(shard, queries.count - start));
          parts.unshift(await evaluateShard(kernel, rule, block, queries, source));
        }
        expect(summarise(parts, queries.count), `${rowsPerBlock} rows, ${shard} queries`).toStrictEqual(
          whole,
        );
      }
    }
  });
});

describe('the edges', () => {
  test('no query has a match: every mean is null', async () => {
    const queries = setOf([
      [1, 1, 1, 0],
      [2, 1, 0, 1],
    ]);
    const gallery = setOf([
      [1, 1, 1, 0],
      [3, 2, 0, 1],
      [-1, 2, 0, 1],
    ]);
    expect(await evaluate(kernel, { protocol: 'market1501', distance: 'cosine' }, queries, gallery)).toEqual({
      mAP: null,
      mAPTrapezoid: null,
      mAPAtR: null,
      rPrecision: null,
      precision: {},
      mINP: null,
      cmc: {},
      validQueries: 0,
      skippedQueries: 2,
    });
  });

  test('one item against itself', async () => {
    const set = setOf([[1, 1, 3, 4]]);
    expect(await evaluate(kernel, { protocol: 'none', distance: 'euclidean' }, set, set)).toEqual({
      mAP: 1,
      mAPTrapezoid: 1,
      mAPAtR: 1,
      rPrecision: 1,
      precision: { 1: 1, 5: 1 / 5, 10: 1 / 10 },
      mINP: 1,
      cmc: { 1: 1 },
      validQueries: 1,
      skippedQueries: 0,
    });
    const left = await evaluate(kernel, { protocol: 'all', distance: 'euclidean' }, set, set);
    expect(left).toMatchObject({ mAP: null, validQueries: 0, skippedQueries: 1 });
  });

  test.each(rules)(
    'all vectors equal, $protocol by $distance: the gallery stays in its order',
    async (rule) => {
      const rows = Array.from({ length: 12 }, (_, i) => [1 + (i % 3), i % 2, 0.1, 0.7, -3]);
      const gallery = setOf(rows);
      const queries = rule.protocol === 'all' ? gallery : setOf(rows.slice(0, 4));
      expectSame(await evaluate(kernel, rule, queries, gallery), slowEvaluate(rule, queries, gallery));
      // By hand, for the first query and no exclusion: identity 1 stands at places 1, 4, 7 and 10.
      if (rule.protocol === 'none') {
        const first = await evaluate(kernel, rule, setOf(rows.slice(0, 1)), gallery);
        expect(first.mAP).toBeCloseTo((1 + 2 / 4 + 3 / 7 + 4 / 10) / 4, 12);
        expect(first.mINP).toBe(4 / 10);
      }
    },
  );

  test('of two items at one distance, the lower index comes first', async () => {
    const query = setOf([[1, 1, 1, 0]]);
    const rule = { protocol: 'none', distance: 'cosine' } as const;
    const [match, other] = [
      [1, 2, 0, 1],
      [2, 2, 0, 1],
    ];
    expect((await evaluate(kernel, rule, query, setOf([match, other]))).mAP).toBe(1);
    expect((await evaluate(kernel, rule, query, setOf([other, match]))).mAP).toBe(1 / 2);
  });

  test('vectors of zeros stand at cosine distance 1: behind acute, before obtuse', async () => {
    const query = setOf([[1, 1, 1, 0]]);
    const gallery = setOf([
      [2, 1, -1, 0],
      [1, 1, 0, 0],
      [2, 1, 1, 1],
    ]);
    expect((await evaluate(kernel, { protocol: 'none', distance: 'cosine' }, query, gallery)).mAP).toBe(
      1 / 2,
    );
    const zero = setOf([[1, 1, 0, 0]]);
    // To a query of zeros everything is equally far: the gallery's order stays.
    expect((await evaluate(kernel, { protocol: 'none', distance: 'cosine' }, zero, gallery)).mAP).toBe(1 / 2);
  });

  test('the CMC ends where the shortest list of a valid query does', async () => {
    const gallery = setOf([
      [1, 1, 1, 0],
      [1, 1, 1, 1],
      [1, 2, 0, 1],
      [2, 2, 1, 1],
    ]);
    const queries = setOf([
      [1, 1, 1, 0],
      [2, 1, 1, 0],
    ]);
    const { cmc } = await evaluate(
      kernel,
      { protocol: 'market1501', distance: 'euclidean' },
      queries,
      gallery,
    );
    // The first query's list: items 2 (its match, further away) and 3. The second's: all four, its match
    // is third, but the curve ends at two.
    expect(cmc).toEqual({ 1: 0, 2: 1 / 2 });
  });

  test('an empty gallery, and one that is all junk, leave no query a match', async () => {
    const queries = setOf([
      [1, 1, 1, 0],
      [-1, 1, 0, 1],
    ]);
    const nothing = {
      mAP: null,
      mAPTrapezoid: null,
      mAPAtR: null,
      rPrecision: null,
      precision: {},
      mINP: null,
      cmc: {},
      validQueries: 0,
      skippedQueries: 2,
    };
    const empty: EmbeddingSet = {
      count: 0,
      dimension: 2,
      features: new Float32Array(),
      identities: new Int32Array(),
      cameras: new Int32Array(),
    };
    expect(await evaluate(kernel, { protocol: 'none', distance: 'cosine' }, queries, empty)).toEqual(nothing);
    const junk = setOf([
      [-1, 2, 1, 0],
      [-1, 3, 0, 1],
    ]);
    const rule = { protocol: 'market1501', distance: 'euclidean' } as const;
    expect(await evaluate(kernel, rule, queries, junk)).toEqual(nothing);
  });

  test('junk is in no list, however near', async () => {
    const query = setOf([[1, 1, 1, 0]]);
    const gallery = setOf([
      [-1, 1, 1, 0],
      [-1, 2, 1, 0],
      [1, 1, 1, 0],
      [1, 2, 0, 1],
      [2, 2, 1, 1],
    ]);
    const result = await evaluate(kernel, { protocol: 'market1501', distance: 'cosine' }, query, gallery);
    expect(result).toMatchObject({ mAP: 1 / 2, cmc: { 1: 0, 2: 1 } });
  });

  test.each(distanceNames)(
    'hundreds of matches a query, %s: searched, not compared one by one',
    async (distance) => {
      const random = createRandom(9);
      const digits = (count: number) => ({
        ...randomSet(random, count, 6, (r) => r.integer(4) - 1),
        identities: Int32Array.from({ length: count }, () => 1 + random.integer(3)),
      });
      const [queries, gallery] = [digits(12), digits(900)];
      for (const protocol of ['none', 'market1501'] as const) {
        const result = await evaluate(kernel, { protocol, distance }, queries, gallery);
        expectSame(result, slowEvaluate({ protocol, distance }, queries, gallery));
      }
    },
  );

  test('progress reaches the number of queries', async () => {
    const random = createRandom(8);
    const queries = randomSet(random, 600, 2, quantised);
    const calls: [number, number][] = [];
    await evaluate(
      kernel,
      { protocol: 'none', distance: 'cosine' },
      queries,
      randomSet(random, 5, 2, quantised),
      (done, total) => calls.push([done, total]),
    );
    expect(calls.at(-1)).toEqual([600, 600]);
    expect(calls.map(([done]) => done)).toEqual(calls.map(([done]) => done).toSorted((a, b) => a - b));
  });

  test('sets of different dimensions are refused', async () => {
    const rule = { protocol: 'none', distance: 'cosine' } as const;
    await expect(evaluate(kernel, rule, setOf([[1, 1, 1, 0]]), setOf([[1, 1, 1, 0, 0]]))).rejects.toThrow(
      'Queries have 2 dimensions, the gallery has 3.',
    );
  });

  test('only blocks with a match are read before the ranks are counted', async () => {
    const gallery = setOf(Array.from({ length: 10 }, (_, i) => [i === 7 ? 1 : 2, 1, i, 1]));
    const reads: number[] = [];
    const source: GallerySource = {
      labels: gallery,
      count: 10,
      rowsPerBlock: 2,
      read: (block) => {
        reads.push(block);
        return blockOf(gallery, 2 * block, 2);
      },
    };
    const query = setOf([[1, 2, 7, 1]]);
    const rule = { protocol: 'market1501', distance: 'euclidean' } as const;
    const scores = await evaluateShard(kernel, rule, blockOf(query, 0, 1), query, source);
    expect(scores.at(0).score?.firstMatchRank).toBe(1);
    expect(reads).toEqual([3, 0, 1, 2, 3, 4]);
  });
});
