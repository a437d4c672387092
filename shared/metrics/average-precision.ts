/** Where precision is read off a list: P@1, P@5 and P@10. */
export const PRECISION_RANKS = [1, 5, 10] as const;

/** Scores of one query that has at least one correct match. R is the number of its correct matches. */
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
  /**
   * The sum of the precision at each correct match among the first R places, over R: MAP@R of Musgrave,
   * Belongie and Lim, "A Metric Learning Reality Check", ECCV 2020, before the mean. Never above
   * `averagePrecision` nor above `rPrecision`.
   */
  readonly averagePrecisionAtR: number;
  /** Precision at R: the share of the first R places that are correct matches (trec_eval's `Rprec`). */
  readonly rPrecision: number;
  /**
   * Correct matches among the first k places over k, for k of {@link PRECISION_RANKS}. Always over k: where
   * the list has fewer places, or the query fewer matches, the places that are missing count as wrong
   * (trec_eval's `P_k`).
   */
  readonly precisionAt: readonly number[];
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
  let precisionsWithinR = 0;
  let trapezoids = 0;
  for (const [found, rank] of ranks.entries()) {
    const precision = (found + 1) / rank;
    // One place before the match the same number less one was found; before the first place, precision is 1.
    const precisionBefore = rank === 1 ? 1 : found / (rank - 1);
    precisions += precision;
    trapezoids += (precisionBefore + precision) / 2;
    if (rank <= matches) precisionsWithinR += precision;
  }
  const precisionAt = (place: number) => ranks.filter((rank) => rank <= place).length / place;
  return {
    averagePrecision: precisions / matches,
    averagePrecisionTrapezoid: trapezoids / matches,
    averagePrecisionAtR: precisionsWithinR / matches,
    rPrecision: precisionAt(matches),
    precisionAt: PRECISION_RANKS.map(precisionAt),
    inverseNegativePenalty: matches / ranks[matches - 1],
    firstMatchRank: ranks[0],
  };
}
