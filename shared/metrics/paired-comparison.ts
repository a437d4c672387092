import { type BootstrapInterval, type BootstrapOptions, bootstrapMeans } from './bootstrap.ts';
import type { QueryRecord } from './per-query.ts';

/** What a measure is in both evaluations, and how it differs. */
export interface PairedDifference {
  readonly a: number;
  readonly b: number;
  /** b − a, with its interval. */
  readonly difference: BootstrapInterval;
  /** Whether the interval of the difference has zero in it. */
  readonly withinNoise: boolean;
}

export interface PairedComparison {
  readonly mAP: PairedDifference;
  /** CMC at rank 1. */
  readonly cmc1: PairedDifference;
  readonly validQueries: number;
  readonly skippedQueries: number;
}

/** Two evaluations that are not of the same queries. The message names the first one that differs. */
export class PairingError extends Error {
  override readonly name = 'PairingError';
}

/**
 * Compares two evaluations of the same queries, query by query: the interval of the mean difference is by
 * the bootstrap over queries, each drawn with its score in both. As queries are hard or easy for both
 * models, this interval is far narrower than those of the two means.
 *
 * @throws {PairingError} if the queries differ, or one is skipped in one evaluation only, or all are.
 */
export function compareEvaluations(
  a: readonly QueryRecord[],
  b: readonly QueryRecord[],
  options: BootstrapOptions,
): PairedComparison {
  if (a.length !== b.length) {
    throw new PairingError(`The evaluations have ${a.length} and ${b.length} queries.`);
  }
  const columns: number[][] = [[], [], [], []];
  for (const [place, left] of a.entries()) {
    const right = b[place];
    for (const field of ['query', 'identity', 'camera'] as const) {
      if (left[field] !== right[field]) {
        throw new PairingError(
          `Query number ${place} has ${field} ${left[field]} in one evaluation and ${right[field]} in the other.`,
        );
      }
    }
    if ((left.score === undefined) !== (right.score === undefined)) {
      const which = left.score === undefined ? 'first' : 'second';
      throw new PairingError(
        `Query number ${place} is skipped in the ${which} evaluation only: their galleries or protocols differ.`,
      );
    }
    if (left.score === undefined || right.score === undefined) continue;
    for (const [i, value] of [
      left.score.averagePrecision,
      right.score.averagePrecision,
      left.score.firstMatchRank === 1 ? 1 : 0,
      right.score.firstMatchRank === 1 ? 1 : 0,
    ].entries()) {
      columns[i].push(value);
    }
  }
  const valid = columns[0].length;
  const difference = (of: number) => columns[of + 1].map((value, i) => value - columns[of][i]);
  const intervals = bootstrapMeans([difference(0), difference(2)], options);
  if (intervals === undefined)
    throw new PairingError('All queries were skipped: there is nothing to compare.');
  const mean = (of: number) => columns[of].reduce((sum, value) => sum + value, 0) / valid;
  const [mAP, cmc1] = intervals.map(
    (interval, i): PairedDifference => ({
      a: mean(2 * i),
      b: mean(2 * i + 1),
      difference: interval,
      withinNoise: interval.low <= 0 && interval.high >= 0,
    }),
  );
  return { mAP, cmc1, validQueries: valid, skippedQueries: a.length - valid };
}

/** What a difference says, in a sentence. @param measure its name. @param confidence of its interval. */
export function differenceInWords(
  measure: string,
  { a, b, difference, withinNoise }: PairedDifference,
  confidence: number,
): string {
  const points = (value: number) => `${value > 0 ? '+' : ''}${(100 * value).toFixed(2)}`;
  const interval = `${points(difference.low)} to ${points(difference.high)} points`;
  const share = `${Number((100 * confidence).toPrecision(4))} % interval ${interval}`;
  const found = `${measure} is ${(100 * a).toFixed(2)} % in a and ${(100 * b).toFixed(2)} % in b`;
  if (withinNoise) {
    return `${found}: the difference of ${points(difference.mean)} points is within noise (${share}, which holds zero).`;
  }
  const better = difference.mean > 0 ? 'b' : 'a';
  return `${found}: ${better} is better by more than noise, b − a is ${points(difference.mean)} points (${share}).`;
}
