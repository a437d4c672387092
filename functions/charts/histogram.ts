import type { Verification } from '@softmargin/shared/metrics/pair-distances.ts';
import { type Bar, drawChart, roundTicks } from './chart.ts';

/**
 * The distances of matching and of other pairs as an SVG: bars that overlap, each kind as shares of its own
 * number of pairs, as there are many more of one than of the other.
 *
 * @param subtitle what was ranked, and how.
 */
export function histogramChart(
  { histogram, matchingPairs, nonMatchingPairs }: Verification,
  subtitle: string,
): string {
  const { binWidth } = histogram;
  const shares = (counts: readonly number[], total: number) =>
    counts.map((count) => (total === 0 ? 0 : (100 * count) / total));
  const matching = shares(histogram.matching, matchingPairs);
  const nonMatching = shares(histogram.nonMatching, nonMatchingPairs);
  const filled = matching.map((share, bin) => share > 0 || nonMatching[bin] > 0);
  // From the first bin that holds a pair to the last.
  const first = Math.max(0, filled.indexOf(true));
  const last = Math.max(first, filled.lastIndexOf(true));
  const [from, to] = [first * binWidth, (last + 1) * binWidth];
  const bars = (heights: readonly number[]): Bar[] =>
    heights.flatMap((height, bin) =>
      height === 0 ? [] : [{ from: bin * binWidth, to: (bin + 1) * binWidth, height }],
    );
  const highest = Math.max(1e-9, ...matching, ...nonMatching);
  const ticks = roundTicks(0, 1.05 * highest, 6);
  return drawChart({
    title: 'Distances of pairs',
    subtitle,
    x: {
      label: `distance (dark: ${matchingPairs} matching pairs, light: ${nonMatchingPairs} others)`,
      from,
      to,
      ticks: roundTicks(from, to, 12),
    },
    y: { label: 'share of the pairs of a kind (%)', from: 0, to: 1.05 * highest, ticks },
    marks: [
      { kind: 'bars', bars: bars(nonMatching), opacity: 0.3 },
      { kind: 'bars', bars: bars(matching), opacity: 0.75 },
    ],
  });
}
