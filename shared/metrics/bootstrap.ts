import { createRandom } from '../random.ts';

export interface BootstrapOptions {
  /** How often the queries are drawn anew; 1,000 and more. */
  readonly resamples: number;
  readonly seed: number;
  /** The share of resamples that the interval holds, such as 0.95. */
  readonly confidence: number;
}

/** A mean over queries and the interval that its resamples lie in. */
export interface BootstrapInterval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Bootstrap intervals of means over queries by the percentile method (Efron and Tibshirani, "An Introduction
 * to the Bootstrap", 1993, chapter 13): as many queries as there are are drawn with replacement, the mean is
 * taken, and the interval runs between the quantiles (1 − confidence) / 2 and (1 + confidence) / 2 of the
 * resampled means. Quantiles between two of them are interpolated linearly, as NumPy does.
 *
 * All columns see the same draws, so that their resamples can be set against each other. The seed decides
 * the draws.
 *
 * @param columns a number for each query, in the same order. None of them: no interval, `undefined`.
 */
export function bootstrapMeans(
  columns: readonly ArrayLike<number>[],
  { resamples, seed, confidence }: BootstrapOptions,
): BootstrapInterval[] | undefined {
  const count = columns[0]?.length ?? 0;
  if (columns.some(({ length }) => length !== count)) {
    throw new RangeError(`Columns of ${columns.map(({ length }) => length)} queries are not of the same.`);
  }
  if (count === 0) return undefined;
  const random = createRandom(seed);
  const means = columns.map(() => new Float64Array(resamples));
  const sums = new Float64Array(columns.length);
  for (let resample = 0; resample < resamples; resample++) {
    sums.fill(0);
    for (let draw = 0; draw < count; draw++) {
      const query = random.integer(count);
      for (let c = 0; c < columns.length; c++) sums[c] += columns[c][query];
    }
    for (let c = 0; c < columns.length; c++) means[c][resample] = sums[c] / count;
  }
  return columns.map((column, c) => {
    const sorted = means[c].sort();
    let sum = 0;
    for (let query = 0; query < count; query++) sum += column[query];
    return {
      mean: sum / count,
      low: quantile(sorted, (1 - confidence) / 2),
      high: quantile(sorted, (1 + confidence) / 2),
    };
  });
}

/** The quantile `share` of ascending numbers, between two of them in proportion. */
function quantile(sorted: Float64Array, share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}
