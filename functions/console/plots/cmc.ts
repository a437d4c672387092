import { axisX, axisY, dot, gridY, line, type PlotOptions, pointerX, ruleX, text } from '@observablehq/plot';

/** One curve: the share of queries with a correct match among the first places, by rank. */
export interface CmcCurve {
  readonly name: string;
  readonly cmc: Readonly<Record<string, number>>;
}

/** CMC by rank, one line each; the second is dashed. */
export function cmcPlot(curves: readonly CmcCurve[]): PlotOptions {
  const points = curves.flatMap(({ name, cmc }) =>
    Object.entries(cmc).map(([rank, value]) => ({ name, rank: Number(rank), percent: 100 * value })),
  );
  const lowest = Math.min(...points.map(({ percent }) => percent));
  const describe = ({ name, rank, percent }: (typeof points)[number]) =>
    `${curves.length > 1 ? `${name}, ` : ''}rank ${rank}: ${percent.toFixed(2)} %`;
  return {
    y: { domain: [Math.max(0, Math.floor(lowest / 10) * 10 - (lowest >= 90 ? 5 : 0)), 100] },
    marks: [
      gridY({ strokeOpacity: 0.12 }),
      axisX({ label: 'rank', tickFormat: 'd', labelArrow: 'none', labelAnchor: 'center' }),
      axisY({ label: 'queries with a match, %', labelArrow: 'none', ticks: 5 }),
      ...curves.map(({ name }, i) =>
        line(
          points.filter((point) => point.name === name),
          {
            x: 'rank',
            y: 'percent',
            strokeWidth: 2,
            stroke: `var(--curve-${i})`,
            ...(i > 0 && { strokeDasharray: '5 3' }),
          },
        ),
      ),
      ruleX(points, pointerX({ x: 'rank', strokeOpacity: 0.3 })),
      dot(points, pointerX({ x: 'rank', y: 'percent', r: 3.5, fill: 'currentColor' })),
      text(
        points,
        pointerX({ px: 'rank', py: 'percent', text: describe, frameAnchor: 'bottom-right', dy: -8 }),
      ),
    ],
  };
}
