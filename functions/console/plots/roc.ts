import { axisX, axisY, dot, gridY, line, type PlotOptions, pointerX, text } from '@observablehq/plot';
import type { RocPoint } from '@softmargin/shared/metrics/pair-distances.ts';

/** The ROC curve: pairs of one identity that are accepted, by the false accept rate, which is on a logarithmic axis. */
export function rocPlot(roc: readonly RocPoint[]): PlotOptions {
  const points = roc.filter(({ far }) => far > 0).map(({ far, tar }) => ({ far, percent: 100 * tar }));
  return {
    x: { type: 'log' },
    y: { domain: [0, 100] },
    marks: [
      gridY({ strokeOpacity: 0.12 }),
      axisX({
        label: 'false accept rate',
        labelArrow: 'none',
        labelAnchor: 'center',
        ticks: 5,
        tickFormat: '.0e',
      }),
      axisY({ label: 'true accept rate, %', labelArrow: 'none', ticks: 5 }),
      line(points, { x: 'far', y: 'percent', strokeWidth: 2, stroke: 'var(--curve-0)' }),
      dot(points, pointerX({ x: 'far', y: 'percent', r: 3.5, fill: 'currentColor' })),
      text(
        points,
        pointerX({
          ...{ px: 'far', py: 'percent', frameAnchor: 'bottom-right', dy: -8 },
          text: ({ far, percent }: (typeof points)[number]) =>
            `FAR ${far.toExponential(1)}: TAR ${percent.toFixed(2)} %`,
        }),
      ),
    ],
  };
}
