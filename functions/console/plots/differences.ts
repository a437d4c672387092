import { axisX, axisY, dot, link, type PlotOptions, ruleX } from '@observablehq/plot';
import type { PairedDifference } from '@softmargin/shared/metrics/paired-comparison.ts';

/** Differences in points with their intervals, and zero: an interval that holds it is within noise. */
export function differencePlot(differences: Readonly<Record<string, PairedDifference>>): PlotOptions {
  const rows = Object.entries(differences).map(([measure, { difference, withinNoise }]) => ({
    measure,
    ...{ mean: 100 * difference.mean, low: 100 * difference.low, high: 100 * difference.high },
    stroke: withinNoise ? 'var(--quiet)' : difference.mean > 0 ? 'var(--right)' : 'var(--wrong)',
  }));
  const reach = 1.1 * Math.max(1, ...rows.flatMap(({ low, high }) => [Math.abs(low), Math.abs(high)]));
  return {
    marginLeft: 56,
    x: { domain: [-reach, reach] },
    y: { type: 'point', domain: rows.map(({ measure }) => measure) },
    marks: [
      axisX({ label: 'b − a, points', labelArrow: 'none', labelAnchor: 'center', ticks: 7 }),
      axisY({ label: null, tickSize: 0 }),
      ruleX([0], { strokeOpacity: 0.5 }),
      link(rows, { x1: 'low', x2: 'high', y1: 'measure', y2: 'measure', stroke: 'stroke', strokeWidth: 3 }),
      dot(rows, { x: 'mean', y: 'measure', r: 5, fill: 'stroke' }),
    ],
    color: { type: 'identity' },
  };
}
