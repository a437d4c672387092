import { type BootstrapOptions, bootstrapMeans } from './bootstrap.ts';
import type { SetEvaluation, SetRule } from './evaluate-sets.ts';
import type { Verification } from './pair-distances.ts';
import type { QueryEntry } from './query-entry.ts';
import type { ReRankingOptions } from './re-ranking-options.ts';
import type { EvaluationResult } from './summary.ts';

/** A measure's interval over resampled queries: its lower and its upper end. */
type Ends = readonly [low: number, high: number];

/** Bootstrap intervals. Without a valid query there are none. */
export interface Intervals extends BootstrapOptions {
  readonly mAP?: Ends;
  readonly mINP?: Ends;
  /** Not where CMC is over random draws (`cuhk03-classic`), which resampled queries say nothing of. */
  readonly cmc1?: Ends;
}

/** What one ranking of the queries gives. */
export interface RankingReport extends EvaluationResult {
  readonly intervals?: Intervals;
}

/** What an evaluation found, beside what it was asked for: the result of a job. */
export interface EvaluationFindings extends RankingReport {
  readonly verification?: Verification;
  readonly reranked?: ReRankingOptions & RankingReport;
}

/** What `softmargin evaluate` prints as JSON. */
export interface EvaluationReport extends EvaluationFindings {
  readonly protocol: SetRule['protocol'];
  readonly distance: SetRule['distance'];
  readonly draws?: SetRule['draws'];
  /** With `--top-k`: every query with the first places of its list. */
  readonly queries?: readonly QueryEntry[];
}

/** The result of a ranking, with intervals where they are asked for. */
export function rankingReport(
  { result, scores }: Pick<SetEvaluation, 'result' | 'scores'>,
  { protocol }: Pick<SetRule, 'protocol'>,
  bootstrap: BootstrapOptions | undefined,
): RankingReport {
  if (bootstrap === undefined) return result;
  const valid = scores.flatMap((part) =>
    Array.from({ length: part.count }, (_, i) => part.at(i).score).filter((score) => score !== undefined),
  );
  const found = bootstrapMeans(
    [
      valid.map(({ averagePrecision }) => averagePrecision),
      valid.map(({ inverseNegativePenalty }) => inverseNegativePenalty),
      valid.map(({ firstMatchRank }) => (firstMatchRank === 1 ? 1 : 0)),
    ],
    bootstrap,
  );
  if (found === undefined) return { ...result, intervals: bootstrap };
  const [mAP, mINP, cmc1] = found.map(({ low, high }): Ends => [low, high]);
  return {
    ...result,
    intervals: { ...bootstrap, mAP, mINP, ...(protocol !== 'cuhk03-classic' && { cmc1 }) },
  };
}
