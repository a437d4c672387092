import { axisX, axisY, type PlotOptions, rectY, ruleX, ruleY } from '@observablehq/plot';

/** Bins of a distribution of average precisions. */
const BINS = 20;

/** How many values lie in each of {@link BINS} equal bins from 0 to 1; 1 is in the last one. */
export function binFractions(values: readonly number[]): number[] {
  const counts = new Array<number>(BINS).fill(0);
  for (const value of values) counts[Math.min(BINS - 1, Math.floor(BINS * value))]++;
  return counts;
}

/** How many queries have which average precision; the rule is their mean. */
export function averagePrecisionPlot(values: readonly number[], mAP: number): PlotOptions {
  const bars = binFractions(values).map((count, i) => ({
    count,
    from: (100 * i) / BINS,
    to: (100 * (i + 1)) / BINS,
  }));
  return {
    x: { domain: [0, 100] },
    marks: [
      axisX({ label: 'average precision, %', labelArrow: 'none', labelAnchor: 'center', ticks: 5 }),
      axisY({ label: 'queries', labelArrow: 'none', ticks: 5 }),
      rectY(bars, { x1: 'from', x2: 'to', y: 'count', fill: 'var(--curve-0)', fillOpacity: 0.7, inset: 0.5 }),
      ruleX([100 * mAP], { stroke: 'currentColor', strokeDasharray: '4 3' }),
      ruleY([0]),
    ],
  };
}
