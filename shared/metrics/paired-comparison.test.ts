import { describe, expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { scoreQuery } from './average-precision.ts';
import { compareEvaluations } from './paired-comparison.ts';
import { type QueryRecord, queryRecords } from './per-query.ts';
import { QueryScores } from './scores.ts';

const options = { resamples: 1000, seed: 1, confidence: 0.95 };

/** Queries of which each tenth is skipped, with an AP that `score` gives. */
function records(count: number, score: (query: number) => number): QueryRecord[] {
  return Array.from({ length: count }, (_, query) => ({
    query,
    identity: query % 7,
    camera: query % 3,
    score:
      query % 10 === 9
        ? undefined
        : { averagePrecision: score(query), firstMatchRank: score(query) > 0.5 ? 1 : 4 },
  }));
}

function scores(seed: number, count: number): number[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => random.uniform());
}

const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;

test('by the definition', () => {
  const [x, y] = [scores(1, 60), scores(2, 60)];
  const { mAP, cmc1, validQueries, skippedQueries } = compareEvaluations(
    records(60, (q) => x[q]),
    records(60, (q) => y[q]),
    options,
  );
  const valid = [...x.keys()].filter((q) => q % 10 !== 9);
  expect([validQueries, skippedQueries]).toEqual([54, 6]);
  expect(mAP.a).toBeCloseTo(mean(valid.map((q) => x[q])), 12);
  expect(mAP.b).toBeCloseTo(mean(valid.map((q) => y[q])), 12);
  expect(cmc1.a).toBeCloseTo(valid.filter((q) => x[q] > 0.5).length / 54, 12);
  const random = createRandom(1);
  const resampled = Array.from({ length: 1000 }, () =>
    mean(
      Array.from({ length: 54 }, () => {
        const query = valid[random.integer(54)];
        return y[query] - x[query];
      }),
    ),
  ).sort((a, b) => a - b);
  expect(mAP.difference.mean).toBeCloseTo(mAP.b - mAP.a, 12);
  expect(mAP.difference.low).toBeCloseTo(resampled[24] + 0.975 * (resampled[25] - resampled[24]), 12);
  expect(mAP.difference.high).toBeCloseTo(resampled[974] + 0.025 * (resampled[975] - resampled[974]), 12);
});

describe('within noise', () => {
  const base = scores(3, 500);
  const against = (b: (query: number) => number) =>
    compareEvaluations(
      records(500, (q) => base[q]),
      records(500, b),
      options,
    ).mAP;

  test('are two evaluations that are the same', () => {
    expect(against((q) => base[q])).toMatchObject({
      withinNoise: true,
      difference: { mean: 0, low: 0, high: 0 },
    });
  });

  test('is what differs up and down alike', () => {
    const upAndDown = (q: number) => (Math.floor(q / 10) % 2 === 0 ? 0.1 : -0.1);
    expect(against((q) => base[q] + upAndDown(q)).withinNoise).toBe(true);
  });

  test('is not a small gain at every query, which the means alone would not show', () => {
    const { withinNoise, difference } = against((q) => base[q] + 0.005);
    expect(withinNoise).toBe(false);
    expect(difference.mean).toBeCloseTo(0.005, 12);
    expect(against((q) => base[q] - 0.005).withinNoise).toBe(false);
  });
});

describe('refuses', () => {
  const base = records(20, () => 0.5);
  const changed = (place: number, change: Partial<QueryRecord>) =>
    base.map((record, i) => (i === place ? { ...record, ...change } : record));

  test.each([
    ['another number of queries', base.slice(1), 'The evaluations have 20 and 19 queries.'],
    [
      'another identity',
      changed(3, { identity: 99 }),
      'Query number 3 has identity 3 in one evaluation and 99 in the other.',
    ],
    ['another camera', changed(4, { camera: 9 }), 'Query number 4 has camera 1 in one'],
    ['another order', changed(5, { query: 6 }), 'Query number 5 has query 5 in one'],
    [
      'a query that only one has skipped',
      changed(6, { score: undefined }),
      'Query number 6 is skipped in the second evaluation only',
    ],
  ])('%s', (_, other, message) => {
    expect(() => compareEvaluations(base, other, options)).toThrow(message);
  });

  test('queries that were all skipped', () => {
    const skipped = base.map((record) => ({ ...record, score: undefined }));
    expect(() => compareEvaluations(skipped, skipped, options)).toThrow('All queries were skipped');
  });
});

test('records are in the order of the queries, with their labels', () => {
  const part = (start: number, ...ranks: number[][]) => {
    const scored = new QueryScores(start, ranks.length);
    for (const [i, each] of ranks.entries()) scored.set(i, scoreQuery(each), 9);
    return scored;
  };
  const labels = { identities: Int32Array.of(5, 6, 7), cameras: Int32Array.of(1, 2, 3) };
  expect(queryRecords([part(2, [2]), part(0, [1], [])], labels)).toMatchObject([
    { query: 0, identity: 5, camera: 1, score: { averagePrecision: 1, firstMatchRank: 1 } },
    { query: 1, identity: 6, camera: 2, score: undefined },
    { query: 2, identity: 7, camera: 3, score: { averagePrecision: 1 / 2, firstMatchRank: 2 } },
  ]);
});
