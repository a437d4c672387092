import { describe, expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { scoreQuery } from './average-precision.ts';
import { QueryScores } from './scores.ts';
import { type EvaluationResult, summarise as summariseAll } from './summary.ts';

/** Scores of consecutive queries by the ranks of their matches. */
function part(start: number, ...queries: { ranks: number[]; kept: number }[]): QueryScores {
  const scores = new QueryScores(start, queries.length);
  for (const [i, { ranks, kept }] of queries.entries()) scores.set(i, scoreQuery(ranks), kept);
  return scores;
}

const single = (start: number) => part(start, { ranks: [1], kept: 60 });

/** Summarises parts that cover all queries there are. */
function summarise(parts: readonly QueryScores[]): EvaluationResult {
  return summariseAll(parts, Math.max(0, ...parts.map(({ start, count }) => start + count)));
}

test('means are over the valid queries, the others are counted', () => {
  const { cmc, ...result } = summarise([
    part(0, { ranks: [1, 4], kept: 60 }, { ranks: [], kept: 60 }, { ranks: [2], kept: 60 }),
  ]);
  expect(result).toEqual({
    mAP: ((1 + 2 / 4) / 2 + 1 / 2) / 2,
    mAPTrapezoid: ((1 + (1 / 3 + 2 / 4) / 2) / 2 + 1 / 4) / 2,
    mAPAtR: (1 / 2 + 0) / 2,
    rPrecision: (1 / 2 + 0) / 2,
    precision: { 1: 1 / 2, 5: (2 / 5 + 1 / 5) / 2, 10: (2 / 10 + 1 / 10) / 2 },
    mINP: (2 / 4 + 1 / 2) / 2,
    validQueries: 2,
    skippedQueries: 1,
  });
  expect(Object.keys(cmc).length).toBe(50);
  expect([cmc['1'], cmc['2'], cmc['50']]).toEqual([1 / 2, 1, 1]);
});

describe('the CMC curve', () => {
  test('ends at the shortest list of a valid query', () => {
    const result = summarise([
      part(0, { ranks: [3], kept: 9 }, { ranks: [1], kept: 4 }, { ranks: [], kept: 2 }),
    ]);
    expect(result.cmc).toEqual({ 1: 1 / 2, 2: 1 / 2, 3: 1, 4: 1 });
  });

  test('ends at rank 50, and a match beyond it is in no rank', () => {
    const result = summarise([part(0, { ranks: [50], kept: 100 }, { ranks: [51], kept: 100 })]);
    expect(Object.keys(result.cmc)).toEqual(Array.from({ length: 50 }, (_, i) => String(i + 1)));
    expect([result.cmc['49'], result.cmc['50']]).toEqual([0, 1 / 2]);
    expect(result.validQueries).toBe(2);
  });
});

test('with no valid query there is nothing to average, and that is not zero', () => {
  const nothing = {
    mAP: null,
    mAPTrapezoid: null,
    mAPAtR: null,
    rPrecision: null,
    precision: {},
    mINP: null,
    cmc: {},
    validQueries: 0,
  };
  expect(summarise([part(0, { ranks: [], kept: 5 })])).toEqual({ ...nothing, skippedQueries: 1 });
  expect(summarise([])).toEqual({ ...nothing, skippedQueries: 0 });
});

test('neither the order of the parts nor the cut changes a bit', () => {
  const random = createRandom(1);
  const queries = Array.from({ length: 100 }, () => {
    const ranks = Array.from({ length: random.integer(5) }, () => 1 + random.integer(70));
    return { ranks: [...new Set(ranks)].sort((a, b) => a - b), kept: 70 + random.integer(9) };
  });
  const whole = summarise([part(0, ...queries)]);
  for (const size of [1, 7, 33]) {
    const parts: QueryScores[] = [];
    for (let start = 0; start < 100; start += size) {
      parts.push(part(start, ...queries.slice(start, start + size)));
    }
    const shuffled = [...random.permutation(parts.length)].map((i) => parts[i]);
    for (const order of [parts, [...parts].reverse(), shuffled]) {
      expect(summarise(order)).toStrictEqual(whole);
    }
    expect(parts.map(({ start }) => start)).toEqual([...parts.keys()].map((i) => i * size));
  }
});

test('an empty part changes nothing, wherever it stands', () => {
  const empty = new QueryScores(0, 0);
  expect(summarise([single(0), empty])).toEqual(summarise([single(0)]));
  expect(summarise([empty, single(0)])).toEqual(summarise([single(0)]));
});

describe('refuses', () => {
  test('a missing part, and says where', () => {
    expect(() => summarise([single(0), single(2)])).toThrow(
      'Scores continue at query 2 where 1 was expected.',
    );
    expect(() => summarise([single(1)])).toThrow('Scores continue at query 1 where 0 was expected.');
    expect(() => summariseAll([single(0)], 2)).toThrow('There are scores of 1 of 2 queries.');
  });

  test('a part that is there twice', () => {
    expect(() => summarise([single(0), single(1), single(1)])).toThrow(RangeError);
    expect(() => summarise([single(0), single(0)])).toThrow(RangeError);
  });

  test('parts that overlap', () => {
    const wide = part(0, { ranks: [1], kept: 60 }, { ranks: [1], kept: 60 });
    expect(() => summarise([wide, single(1)])).toThrow(RangeError);
  });
});
