import { PRECISION_RANKS } from './average-precision.ts';
import type { QueryScores } from './scores.ts';

/** The deepest rank of the CMC curve. */
export const MAX_RANK = 50;

/** What an evaluation reports. Fractions, not percents; means are over the valid queries. */
export interface EvaluationResult {
  /** Mean average precision; `null` when no query is valid. */
  readonly mAP: number | null;
  /** The same by Market-1501's original trapezoid rule. */
  readonly mAPTrapezoid: number | null;
  /** Mean average precision at R, the number of a query's correct matches. */
  readonly mAPAtR: number | null;
  /** Mean precision at R. */
  readonly rPrecision: number | null;
  /** Mean precision at 1, 5 and 10, by rank. Empty when no query is valid. */
  readonly precision: Readonly<Record<string, number>>;
  /** Mean inverse negative penalty. */
  readonly mINP: number | null;
  /**
   * By rank ("1", "2", …): the share of valid queries with a correct match at that rank or before. It ends
   * at rank 50 or at the length of the shortest list of a valid query.
   */
  readonly cmc: Readonly<Record<string, number>>;
  readonly validQueries: number;
  /** Queries without a correct match in their list: in no mean. */
  readonly skippedQueries: number;
}

/**
 * Summarises the scores of all queries. Parts may come in any order and of any size; they must be disjoint
 * and cover all `queryCount` queries. Sums run in the order of the queries, so no cut changes a bit.
 *
 * @throws {RangeError} if a part is missing or there twice.
 */
export function summarise(parts: readonly QueryScores[], queryCount: number): EvaluationResult {
  let next = 0;
  let averagePrecision = 0;
  let averagePrecisionTrapezoid = 0;
  let averagePrecisionAtR = 0;
  let rPrecision = 0;
  const precisionAt = PRECISION_RANKS.map(() => 0);
  let inverseNegativePenalty = 0;
  let valid = 0;
  let maxRank = MAX_RANK;
  const firstMatches = new Float64Array(MAX_RANK + 1);

  for (const part of [...parts].sort((a, b) => a.start - b.start || a.count - b.count)) {
    if (part.start !== next) {
      throw new RangeError(`Scores continue at query ${part.start} where ${next} was expected.`);
    }
    next += part.count;
    for (let index = 0; index < part.count; index++) {
      const { score, kept } = part.at(index);
      if (score === undefined) continue;
      valid++;
      averagePrecision += score.averagePrecision;
      averagePrecisionTrapezoid += score.averagePrecisionTrapezoid;
      averagePrecisionAtR += score.averagePrecisionAtR;
      rPrecision += score.rPrecision;
      for (const [i, precision] of score.precisionAt.entries()) precisionAt[i] += precision;
      inverseNegativePenalty += score.inverseNegativePenalty;
      if (score.firstMatchRank <= MAX_RANK) firstMatches[score.firstMatchRank]++;
      maxRank = Math.min(maxRank, kept);
    }
  }

  if (next !== queryCount) throw new RangeError(`There are scores of ${next} of ${queryCount} queries.`);

  const cmc: Record<string, number> = {};
  let found = 0;
  for (let rank = 1; valid > 0 && rank <= maxRank; rank++) {
    found += firstMatches[rank];
    cmc[rank] = found / valid;
  }
  const mean = (sum: number) => (valid === 0 ? null : sum / valid);
  return {
    mAP: mean(averagePrecision),
    mAPTrapezoid: mean(averagePrecisionTrapezoid),
    mAPAtR: mean(averagePrecisionAtR),
    rPrecision: mean(rPrecision),
    precision: Object.fromEntries(
      valid === 0 ? [] : PRECISION_RANKS.map((rank, i) => [rank, precisionAt[i] / valid]),
    ),
    mINP: mean(inverseNegativePenalty),
    cmc,
    validQueries: valid,
    skippedQueries: next - valid,
  };
}
