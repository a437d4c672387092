import * as Plot from '@observablehq/plot';
import { renderPlot } from './plot.ts';

/** A number by step. */
export interface Curve {
  readonly name: string;
  readonly points: readonly { readonly step: number; readonly value: number }[];
}

/** Points of a curve that are drawn at most; more of them are averaged, in groups of consecutive ones. */
const MOST_POINTS = 400;

/** Curves over the steps of a run, as SVG with a legend. */
export function curveFigure(curves: readonly Curve[], label: string): string {
  const points = curves.flatMap(({ name, points }) => thinned(points).map((point) => ({ name, ...point })));
  return renderPlot({
    width: 680,
    height: 260,
    marginLeft: 56,
    x: { label: 'step' },
    y: { label, grid: true, zero: true },
    color: {
      type: 'categorical',
      scheme: 'observable10',
      domain: curves.map(({ name }) => name),
      legend: curves.length > 1,
    },
    marks: [
      Plot.lineY(points, { x: 'step', y: 'value', z: 'name', stroke: 'name', strokeWidth: 1.5 }),
      ...(points.length <= 3 * curves.length
        ? [Plot.dot(points, { x: 'step', y: 'value', fill: 'name' })]
        : []),
    ],
  });
}

function thinned(points: Curve['points']): Curve['points'] {
  const size = Math.ceil(points.length / MOST_POINTS);
  return Array.from({ length: Math.ceil(points.length / size) }, (_, i) => {
    const group = points.slice(i * size, (i + 1) * size);
    const mean = group.reduce((sum, { value }) => sum + value, 0) / group.length;
    return { step: group[group.length - 1].step, value: mean };
  });
}
