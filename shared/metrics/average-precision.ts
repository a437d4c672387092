/** Scores of one query that has at least one correct match. */
export interface QueryScore {
  /**
   * Mean of the precision at each correct match: what torchreid, fast-reid and scikit-learn compute.
   */
  readonly averagePrecision: number;
  /**
   * The area under the precision-recall curve by the trapezoid rule, as Market-1501's original evaluation
   * (`compute_AP.m`) has it. Never above `averagePrecision`.
   */
  readonly averagePrecisionTrapezoid: number;
  /** Correct matches over the rank of the last one (mINP of Ye et al., TPAMI 2021, before the mean). */
  readonly inverseNegativePenalty: number;
  /** Rank of the first correct match, from 1. */
  readonly firstMatchRank: number;
}

/**
 * Scores a query by the ranks of its correct matches.
 *
 * @param ranks from 1, ascending. With none, there is nothing to score: `undefined`.
 */
export function scoreQuery(ranks: readonly number[]): QueryScore | undefined {
  const matches = ranks.length;
  if (matches === 0) return undefined;
  let precisions = 0;
  let trapezoids = 0;
  for (const [found, rank] of ranks.entries()) {
    const precision = (found + 1) / rank;
    // One place before the match the same number less one was found; before the first place, precision is 1.
    const precisionBefore = rank === 1 ? 1 : found / (rank - 1);
    precisions += precision;
    trapezoids += (precisionBefore + precision) / 2;
  }
  return {
    averagePrecision: precisions / matches,
    averagePrecisionTrapezoid: trapezoids / matches,
    inverseNegativePenalty: matches / ranks[matches - 1],
    firstMatchRank: ranks[0],
  };
}
