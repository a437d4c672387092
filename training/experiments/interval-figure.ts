import * as Plot from '@observablehq/plot';
import { renderPlot, svgFile } from '../reporting/plot.ts';
import type { Interval } from './interval.ts';

/** Means with their intervals, one a row, as SVG. */
export function intervalFigure(means: ReadonlyMap<string, Interval>, label: string): string {
  const rows = Array.from(means, ([name, { mean, halfWidth = 0 }]) => ({
    name,
    mean,
    low: mean - halfWidth,
    high: mean + halfWidth,
  }));
  const plot = renderPlot({
    width: 680,
    height: 60 + 22 * rows.length,
    marginLeft: 250,
    x: { label, grid: true, nice: true },
    y: { label: null, domain: rows.map(({ name }) => name) },
    marks: [
      Plot.ruleY(rows, {
        y: 'name',
        x1: 'low',
        x2: 'high',
        stroke: '#4269d0',
        strokeOpacity: 0.5,
        strokeWidth: 3,
      }),
      Plot.dot(rows, { y: 'name', x: 'mean', fill: '#4269d0', r: 4 }),
    ],
  });
  return svgFile(plot);
}
