import { describe, expect, test } from 'vitest';
import { scoreQuery } from './average-precision.ts';

describe('scoreQuery', () => {
  test('by hand: matches at 1, 3 and 6', () => {
    const score = scoreQuery([1, 3, 6]);
    expect(score?.averagePrecision).toBeCloseTo((1 + 2 / 3 + 3 / 6) / 3, 12);
    // Precision before each match: 1 by definition, 1/2, 2/5.
    expect(score?.averagePrecisionTrapezoid).toBeCloseTo(
      ((1 + 1) / 2 + (1 / 2 + 2 / 3) / 2 + (2 / 5 + 3 / 6) / 2) / 3,
      12,
    );
    expect(score?.inverseNegativePenalty).toBe(3 / 6);
    expect(score?.firstMatchRank).toBe(1);
  });

  test('all matches first is 1 by every score', () => {
    expect(scoreQuery([1, 2, 3, 4])).toEqual({
      averagePrecision: 1,
      averagePrecisionTrapezoid: 1,
      inverseNegativePenalty: 1,
      firstMatchRank: 1,
    });
  });

  test('one match, at rank 4: the trapezoid halves it', () => {
    expect(scoreQuery([4])).toEqual({
      averagePrecision: 1 / 4,
      averagePrecisionTrapezoid: 1 / 8,
      inverseNegativePenalty: 1 / 4,
      firstMatchRank: 4,
    });
  });

  test('without a match there is no score', () => {
    expect(scoreQuery([])).toBeUndefined();
  });

  test('the trapezoid is never above: all sets of ranks up to 10', () => {
    let compared = 0;
    for (let set = 1; set < 1024; set++) {
      const ranks = Array.from({ length: 10 }, (_, i) => i + 1).filter((rank) => set & (1 << (rank - 1)));
      const score = scoreQuery(ranks);
      if (score === undefined) throw new Error('A query with matches has a score.');
      expect(score.averagePrecisionTrapezoid).toBeLessThanOrEqual(score.averagePrecision);
      compared++;
    }
    expect(compared).toBe(1023);
  });
});
