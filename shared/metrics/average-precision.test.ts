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
    // R is 3: of the first three places, the first and the third are correct.
    expect(score?.averagePrecisionAtR).toBeCloseTo((1 + 2 / 3) / 3, 12);
    expect(score?.rPrecision).toBe(2 / 3);
    expect(score?.precisionAt).toEqual([1, 2 / 5, 3 / 10]);
    expect(score?.inverseNegativePenalty).toBe(3 / 6);
    expect(score?.firstMatchRank).toBe(1);
  });

  test('all matches first is 1 by every score but the precision at a rank beyond them', () => {
    expect(scoreQuery([1, 2, 3, 4])).toEqual({
      averagePrecision: 1,
      averagePrecisionTrapezoid: 1,
      averagePrecisionAtR: 1,
      rPrecision: 1,
      precisionAt: [1, 4 / 5, 4 / 10],
      inverseNegativePenalty: 1,
      firstMatchRank: 1,
    });
  });

  test('one match, at rank 4: the trapezoid halves it', () => {
    expect(scoreQuery([4])).toEqual({
      averagePrecision: 1 / 4,
      averagePrecisionTrapezoid: 1 / 8,
      averagePrecisionAtR: 0,
      rPrecision: 0,
      precisionAt: [0, 1 / 5, 1 / 10],
      inverseNegativePenalty: 1 / 4,
      firstMatchRank: 4,
    });
  });

  test('without a match there is no score', () => {
    expect(scoreQuery([])).toBeUndefined();
  });

  // The example by which Musgrave et al. set MAP@R apart from R-precision: R = 10, ten places.
  test.each([
    ['only the first', [1], 0.1, 0.1],
    ['the first and the tenth', [1, 10], 0.2, 0.12],
    ['the first two', [1, 2], 0.2, 0.2],
    ['all ten', [1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 1, 1],
  ])('R-precision and AP at R where %s of ten are correct', (_, found, rPrecision, atR) => {
    const missed = Array.from({ length: 10 - found.length }, (_, i) => 100 + i);
    const score = scoreQuery([...found, ...missed]);
    expect(score?.rPrecision).toBe(rPrecision);
    expect(score?.averagePrecisionAtR).toBeCloseTo(atR, 12);
  });

  test('the trapezoid is never above, nor is AP at R: all sets of ranks up to 10', () => {
    let compared = 0;
    for (let set = 1; set < 1024; set++) {
      const ranks = Array.from({ length: 10 }, (_, i) => i + 1).filter((rank) => set & (1 << (rank - 1)));
      const score = scoreQuery(ranks);
      if (score === undefined) throw new Error('A query with matches has a score.');
      expect(score.averagePrecisionTrapezoid).toBeLessThanOrEqual(score.averagePrecision);
      expect(score.averagePrecisionAtR).toBeLessThanOrEqual(
        Math.min(score.averagePrecision, score.rPrecision),
      );
      compared++;
    }
    expect(compared).toBe(1023);
  });
});
