import { drawChart, roundTicks } from './chart.ts';

/** Ranks whose values are written beside the curve: the ones that papers report. */
const REPORTED_RANKS = [1, 5, 10, 20];

/** The CMC curve as an SVG. @param cmc by rank, as results have it. @param subtitle what was ranked, and how. */
export function cmcChart(cmc: Readonly<Record<string, number>>, subtitle: string): string {
  const points = Object.entries(cmc).map(([rank, share]) => ({ x: Number(rank), y: 100 * share }));
  const last = Math.max(2, points.length);
  // From a round number below the lowest value on: curves of good embeddings differ near the top only.
  const from = 10 * Math.floor(Math.min(90, ...points.map(({ y }) => y)) / 10);
  return drawChart({
    title: 'Cumulative matching characteristic',
    subtitle: points.length === 0 ? `${subtitle}; no valid query` : subtitle,
    x: { label: 'rank', from: 1, to: last, ticks: rankTicks(last) },
    y: {
      label: 'queries with a correct match (%)',
      from,
      to: 100,
      ticks: roundTicks(from, 100, 6),
    },
    marks: [
      { kind: 'line', points },
      {
        kind: 'dots',
        points: points
          .filter(({ x }) => REPORTED_RANKS.includes(x))
          .map(({ x, y }) => ({ x, y, label: y.toFixed(1) })),
      },
    ],
  });
}

/** Rank 1 and round ranks: there is no rank 0. */
function rankTicks(last: number): number[] {
  const ticks = roundTicks(0, last, 10).filter((rank) => Number.isInteger(rank) && rank > 1);
  return [1, ...ticks];
}
