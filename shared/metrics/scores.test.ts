import { describe, expect, test } from 'vitest';
import { QueryScores } from './scores.ts';

const score = {
  averagePrecision: 1 / 3,
  averagePrecisionTrapezoid: 0.1 + 0.2,
  averagePrecisionAtR: 1 / 11,
  rPrecision: 1 / 13,
  precisionAt: [0, 1 / 5, 1 / 10],
  inverseNegativePenalty: 2 / 7,
  firstMatchRank: 12,
};

function example(): QueryScores {
  const scores = new QueryScores(40, 3);
  scores.set(0, score, 100);
  scores.set(1, undefined, 7);
  scores.set(2, { ...score, firstMatchRank: 1 }, 2 ** 31);
  return scores;
}

test('keeps what is set, and a query without a score as that', () => {
  const scores = example();
  expect(scores.at(0)).toEqual({ score, kept: 100 });
  expect(scores.at(1)).toEqual({ score: undefined, kept: 7 });
  expect(scores.at(2)).toEqual({ score: { ...score, firstMatchRank: 1 }, kept: 2 ** 31 });
});

describe('encode and decode', () => {
  test('give the same scores to the last bit', () => {
    const decoded = QueryScores.decode(example().encode());
    expect([decoded.start, decoded.count]).toEqual([40, 3]);
    for (const index of [0, 1, 2]) expect(decoded.at(index)).toEqual(example().at(index));
    expect(decoded.encode()).toEqual(example().encode());
  });

  test('of bytes anywhere in a buffer, and of a Node Buffer', () => {
    const bytes = example().encode();
    const larger = new Uint8Array(bytes.length + 9);
    larger.set(bytes, 3);
    expect(QueryScores.decode(larger.subarray(3, 3 + bytes.length)).encode()).toEqual(bytes);
    expect(QueryScores.decode(Buffer.from(bytes)).encode()).toEqual(bytes);
  });

  test('of no queries', () => {
    const decoded = QueryScores.decode(new QueryScores(5, 0).encode());
    expect([decoded.start, decoded.count]).toEqual([5, 0]);
  });

  test('refuse bytes of another length', () => {
    const bytes = example().encode();
    for (const length of [0, 8, 15, 17, bytes.length - 1, bytes.length - 8]) {
      expect(() => QueryScores.decode(bytes.subarray(0, length)), `${length}`).toThrow(RangeError);
    }
    expect(() => QueryScores.decode(new Uint8Array(bytes.length + 8))).toThrow(RangeError);
  });
});
