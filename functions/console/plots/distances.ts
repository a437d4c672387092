import { axisX, axisY, type PlotOptions, rectY, ruleY } from '@observablehq/plot';
import type { Verification } from '@softmargin/shared/metrics/pair-distances.ts';

/** Pairs by distance, each kind as shares of its own number: matching ones in front. */
export function distancePlot({ histogram, matchingPairs, nonMatchingPairs }: Verification): PlotOptions {
  const { binWidth, matching, nonMatching } = histogram;
  const bars = (counts: readonly number[], total: number) =>
    counts
      .map((count, i) => ({
        x1: i * binWidth,
        x2: (i + 1) * binWidth,
        percent: (100 * count) / Math.max(1, total),
      }))
      .filter(({ percent }) => percent > 0);
  return {
    marks: [
      axisX({ label: 'distance', labelArrow: 'none', labelAnchor: 'center' }),
      axisY({ label: 'pairs of each kind, %', labelArrow: 'none', ticks: 5 }),
      rectY(bars(nonMatching, nonMatchingPairs), {
        ...{ x1: 'x1', x2: 'x2', y: 'percent', inset: 0, fill: 'var(--wrong)', fillOpacity: 0.45 },
      }),
      rectY(bars(matching, matchingPairs), {
        ...{ x1: 'x1', x2: 'x2', y: 'percent', inset: 0, fill: 'var(--right)', fillOpacity: 0.6 },
      }),
      ruleY([0]),
    ],
  };
}
