import * as Plot from '@observablehq/plot';
import { renderPlot } from './plot.ts';

/** The CMC curve as SVG. */
export function cmcCurve(cmc: Readonly<Record<string, number>>): string {
  const points = Object.entries(cmc).map(([rank, share]) => ({ rank: Number(rank), share: 100 * share }));
  const lowest = Math.min(...points.map(({ share }) => share));
  return renderPlot({
    width: 560,
    height: 320,
    marginLeft: 52,
    x: { label: 'rank', domain: [1, points.length] },
    y: { label: 'queries with a correct match, %', domain: [Math.floor(lowest) - 1, 100], grid: true },
    marks: [
      Plot.lineY(points, { x: 'rank', y: 'share', stroke: '#4269d0', strokeWidth: 2 }),
      Plot.dot(
        points.filter(({ rank }) => [1, 5, 10].includes(rank)),
        { x: 'rank', y: 'share', fill: '#4269d0' },
      ),
      Plot.text(
        points.filter(({ rank }) => [1, 5, 10].includes(rank)),
        { x: 'rank', y: 'share', text: ({ share }) => share.toFixed(1), dy: 14, dx: 6 },
      ),
    ],
  });
}
