import type { RocPoint } from '@softmargin/shared/metrics/pair-distances.ts';
import { drawChart, roundTicks } from './chart.ts';

/** False accept rates whose true accept rates are written beside the curve: the ones that results name. */
const REPORTED_RATES = [1e-4, 1e-3, 1e-2, 1e-1];

/**
 * The ROC curve as an SVG: the false accept rate by its order of magnitude, from one in a million to all.
 *
 * @param roc points as results have them, by ascending rate. @param subtitle what was ranked, and how.
 */
export function rocChart(roc: readonly RocPoint[], subtitle: string): string {
  const points = roc.map(({ far, tar }) => ({ x: far, y: 100 * tar }));
  return drawChart({
    title: 'Receiver operating characteristic',
    subtitle: points.length === 0 ? `${subtitle}; no matching or no other pair` : subtitle,
    x: {
      label: 'false accept rate',
      from: 1e-6,
      to: 1,
      ticks: [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1],
      format: (rate) => (rate < 0.01 ? rate.toExponential(0) : String(rate)),
      logarithmic: true,
    },
    y: { label: 'true accept rate (%)', from: 0, to: 100, ticks: roundTicks(0, 100, 5) },
    marks: [
      { kind: 'line', points },
      {
        kind: 'dots',
        points: points
          .filter(({ x }) => REPORTED_RATES.some((rate) => Math.abs(x / rate - 1) < 1e-9))
          .map(({ x, y }) => ({ x, y, label: y.toFixed(1) })),
      },
    ],
  });
}
