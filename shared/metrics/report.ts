import { type BootstrapOptions, bootstrapMeans } from './bootstrap.ts';
import type { SetEvaluation, SetRule } from './evaluate-sets.ts';
import type { Verification } from './pair-distances.ts';
import type { QueryEntry } from './query-entry.ts';
import type { ReRankingOptions } from './re-ranking-options.ts';
import type { QueryScores } from './scores.ts';
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

/** Of every valid query what a bootstrap draws from: 17 bytes. */
export class BootstrapColumns {
  readonly #averagePrecisions: Float64Array;
  readonly #inverseNegativePenalties: Float64Array;
  readonly #firsts: Uint8Array;
  #valid = 0;

  /** @param queries that there are at most. */
  constructor(queries: number) {
    this.#averagePrecisions = new Float64Array(queries);
    this.#inverseNegativePenalties = new Float64Array(queries);
    this.#firsts = new Uint8Array(queries);
  }

  /** Takes the scores of the next queries. */
  add(part: QueryScores): void {
    for (let index = 0; index < part.count; index++) {
      const { score } = part.at(index);
      if (score === undefined) continue;
      this.#averagePrecisions[this.#valid] = score.averagePrecision;
      this.#inverseNegativePenalties[this.#valid] = score.inverseNegativePenalty;
      this.#firsts[this.#valid++] = Number(score.firstMatchRank === 1);
    }
  }

  intervals({ protocol }: Pick<SetRule, 'protocol'>, bootstrap: BootstrapOptions): Intervals {
    const columns = [this.#averagePrecisions, this.#inverseNegativePenalties, this.#firsts];
    const found = bootstrapMeans(
      columns.map((column) => column.subarray(0, this.#valid)),
      bootstrap,
    );
    if (found === undefined) return bootstrap;
    const [mAP, mINP, cmc1] = found.map(({ low, high }): Ends => [low, high]);
    return { ...bootstrap, mAP, mINP, ...(protocol !== 'cuhk03-classic' && { cmc1 }) };
  }
}

/** The result of a ranking, with intervals where they are asked for. */
export function rankingReport(
  { result, scores }: Pick<SetEvaluation, 'result' | 'scores'>,
  rule: Pick<SetRule, 'protocol'>,
  bootstrap: BootstrapOptions | undefined,
): RankingReport {
  if (bootstrap === undefined) return result;
  const columns = new BootstrapColumns(result.validQueries);
  for (const part of scores) columns.add(part);
  return { ...result, intervals: columns.intervals(rule, bootstrap) };
}
