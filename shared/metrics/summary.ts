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
 * Sums up the scores of queries, part by part. Sums run in the order of the queries, so no cut changes a bit, and
 * nothing is kept of a single query.
 */
export class Summary {
  #next = 0;
  #averagePrecision = 0;
  #averagePrecisionTrapezoid = 0;
  #averagePrecisionAtR = 0;
  #rPrecision = 0;
  readonly #precisionAt = PRECISION_RANKS.map(() => 0);
  #inverseNegativePenalty = 0;
  #valid = 0;
  #maxRank = MAX_RANK;
  readonly #firstMatches = new Float64Array(MAX_RANK + 1);

  /** Takes the part that follows. @throws {RangeError} if it is another. */
  add(part: QueryScores): void {
    if (part.start !== this.#next) {
      throw new RangeError(`Scores continue at query ${part.start} where ${this.#next} was expected.`);
    }
    this.#next += part.count;
    for (let index = 0; index < part.count; index++) {
      const { score, kept } = part.at(index);
      if (score === undefined) continue;
      this.#valid++;
      this.#averagePrecision += score.averagePrecision;
      this.#averagePrecisionTrapezoid += score.averagePrecisionTrapezoid;
      this.#averagePrecisionAtR += score.averagePrecisionAtR;
      this.#rPrecision += score.rPrecision;
      for (const [i, precision] of score.precisionAt.entries()) this.#precisionAt[i] += precision;
      this.#inverseNegativePenalty += score.inverseNegativePenalty;
      if (score.firstMatchRank <= MAX_RANK) this.#firstMatches[score.firstMatchRank]++;
      this.#maxRank = Math.min(this.#maxRank, kept);
    }
  }

  /** What all parts give. @throws {RangeError} if they are not of so many queries. */
  result(queryCount: number): EvaluationResult {
    if (this.#next !== queryCount) {
      throw new RangeError(`There are scores of ${this.#next} of ${queryCount} queries.`);
    }
    const valid = this.#valid;
    const cmc: Record<string, number> = {};
    let found = 0;
    for (let rank = 1; valid > 0 && rank <= this.#maxRank; rank++) {
      found += this.#firstMatches[rank];
      cmc[rank] = found / valid;
    }
    const mean = (sum: number) => (valid === 0 ? null : sum / valid);
    return {
      mAP: mean(this.#averagePrecision),
      mAPTrapezoid: mean(this.#averagePrecisionTrapezoid),
      mAPAtR: mean(this.#averagePrecisionAtR),
      rPrecision: mean(this.#rPrecision),
      precision: Object.fromEntries(
        valid === 0 ? [] : PRECISION_RANKS.map((rank, i) => [rank, this.#precisionAt[i] / valid]),
      ),
      mINP: mean(this.#inverseNegativePenalty),
      cmc,
      validQueries: valid,
      skippedQueries: queryCount - valid,
    };
  }
}

/**
 * Summarises the scores of all queries. Parts may come in any order and of any size; they must be disjoint
 * and cover all `queryCount` queries.
 *
 * @throws {RangeError} if a part is missing or there twice.
 */
export function summarise(parts: readonly QueryScores[], queryCount: number): EvaluationResult {
  const summary = new Summary();
  for (const part of [...parts].sort((a, b) => a.start - b.start || a.count - b.count)) summary.add(part);
  return summary.result(queryCount);
}
