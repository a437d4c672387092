import { type BootstrapOptions, bootstrapMeans } from '@softmargin/shared/metrics/bootstrap.ts';
import type { SetEvaluation, SetRule } from '@softmargin/shared/metrics/evaluate-sets.ts';
import type { Verification } from '@softmargin/shared/metrics/pair-distances.ts';
import type { ReRankingOptions } from '@softmargin/shared/metrics/re-ranking.ts';
import type { EvaluationResult } from '@softmargin/shared/metrics/summary.ts';

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

/** What `softmargin evaluate` prints as JSON. */
export interface EvaluationReport extends RankingReport {
  readonly protocol: SetRule['protocol'];
  readonly distance: SetRule['distance'];
  readonly draws?: SetRule['draws'];
  readonly verification?: Verification;
  readonly reranked?: ReRankingOptions & RankingReport;
}

/** The result of a ranking, with intervals where they are asked for. */
export function rankingReport(
  { result, scores }: SetEvaluation,
  { protocol }: SetRule,
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

const NAME_WIDTH = 18;

/** The report as a person reads it. */
export function renderReport({ reranked, verification, ...ranked }: EvaluationReport): string {
  const rankings: readonly RankingReport[] = reranked === undefined ? [ranked] : [ranked, reranked];
  const line = (name: string, cell: (ranking: RankingReport) => string) =>
    `${name.padEnd(NAME_WIDTH)}${rankings.map(cell).join('  ')}`.trimEnd();
  const row = (
    name: string,
    value: (ranking: RankingReport) => number | null | undefined,
    ends?: keyof Intervals,
  ) =>
    line(name, (ranking) => {
      const interval = ends === undefined ? undefined : (ranking.intervals?.[ends] as Ends | undefined);
      const width = ranking.intervals === undefined ? 0 : INTERVAL_WIDTH;
      return percent(value(ranking)) + (interval === undefined ? '' : `  ${between(interval)}`).padEnd(width);
    });
  const ranks = [1, 5, 10, 20].filter((rank) => rank in ranked.cmc);
  const { intervals } = ranked;
  return [
    ...(reranked === undefined ? [] : [line('', (r) => heading(r === ranked ? 'ranked' : 're-ranked', r))]),
    row('mAP', ({ mAP }) => mAP, 'mAP'),
    row('mAP, trapezoid', ({ mAPTrapezoid }) => mAPTrapezoid),
    row('mAP@R', ({ mAPAtR }) => mAPAtR),
    row('R-precision', ({ rPrecision }) => rPrecision),
    ...Object.keys(ranked.precision).map((rank) =>
      row(`Precision@${rank}`, ({ precision }) => precision[rank]),
    ),
    row('mINP', ({ mINP }) => mINP, 'mINP'),
    ...ranks.map((rank) => row(`CMC-${rank}`, ({ cmc }) => cmc[rank], rank === 1 ? 'cmc1' : undefined)),
    ...(verification?.tarAtFar ?? []).map(
      ({ far, tar, tarAtMost }) =>
        `${`TAR at FAR ${far.toExponential(0)}`.padEnd(NAME_WIDTH)}${percent(tar)}${tarAtMost > tar ? `  (at most ${percent(tarAtMost).trim()})` : ''}`,
    ),
    `${ranked.validQueries} queries valid, ${ranked.skippedQueries} skipped`,
    ...(intervals === undefined
      ? []
      : [
          `in brackets: ${100 * intervals.confidence} % intervals of ${intervals.resamples} bootstraps over queries`,
        ]),
  ].join('\n');
}

const INTERVAL_WIDTH = '  [10.00, 20.00]'.length;

function heading(text: string, { intervals }: RankingReport): string {
  return text.padStart(9).padEnd(9 + (intervals === undefined ? 0 : INTERVAL_WIDTH));
}

function percent(value: number | null | undefined): string {
  return (value == null ? '–' : `${(100 * value).toFixed(2)} %`).padStart(9);
}

function between([low, high]: Ends): string {
  return `[${(100 * low).toFixed(2)}, ${(100 * high).toFixed(2)}]`;
}
