/** A mean over runs and the interval that its true value lies in with 95 % confidence. */
export interface Interval {
  readonly mean: number;
  /** Half of the interval's width; `undefined` of a single run. */
  readonly halfWidth: number | undefined;
  readonly runs: number;
}

/** The 0.975 quantiles of Student's t with 1 to 10 degrees of freedom; beyond, the last is close enough above. */
const T = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228];

/** The mean of a number over runs of different seeds, with Student's interval (normal errors, 95 %). */
export function intervalOf(values: readonly number[]): Interval {
  const runs = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / runs;
  if (runs < 2) return { mean, halfWidth: undefined, runs };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (runs - 1);
  return { mean, halfWidth: T[Math.min(runs - 1, T.length) - 1] * Math.sqrt(variance / runs), runs };
}

/** `61.2 ± 0.4`, or the mean alone of a single run. */
export function intervalText({ mean, halfWidth }: Interval, digits: number): string {
  return halfWidth === undefined
    ? mean.toFixed(digits)
    : `${mean.toFixed(digits)} ± ${halfWidth.toFixed(digits)}`;
}
