import type { EvaluationFindings, Intervals, RankingReport } from '@softmargin/shared/metrics/report.ts';

const NAME_WIDTH = 18;

/** The report as a person reads it. */
export function renderReport({ reranked, verification, ...ranked }: EvaluationFindings): string {
  const rankings: readonly RankingReport[] = reranked === undefined ? [ranked] : [ranked, reranked];
  const line = (name: string, cell: (ranking: RankingReport) => string) =>
    `${name.padEnd(NAME_WIDTH)}${rankings.map(cell).join('  ')}`.trimEnd();
  const row = (
    name: string,
    value: (ranking: RankingReport) => number | null | undefined,
    ends?: keyof Intervals,
  ) =>
    line(name, (ranking) => {
      const interval = ends === undefined ? undefined : (ranking.intervals?.[ends] as Intervals['mAP']);
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

function between([low, high]: NonNullable<Intervals['mAP']>): string {
  return `[${(100 * low).toFixed(2)}, ${(100 * high).toFixed(2)}]`;
}
