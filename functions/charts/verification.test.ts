import type { RocPoint, Verification } from '@softmargin/shared/metrics/pair-distances.ts';
import { expect, test } from 'vitest';
import { FRAME } from './chart.ts';
import { histogramChart } from './histogram.ts';
import { rocChart } from './roc.ts';

function point(far: number, tar: number): RocPoint {
  return { far, tar, achievedFar: far, tarAtMost: tar, threshold: far };
}

test('the ROC curve: a decade of false accepts is a sixth of its width', () => {
  const svg = rocChart(
    [1e-6, 1e-4, 1e-2, 1].map((far, i) => point(far, 0.25 * (i + 1))),
    'a <b>',
  );
  const [, path] = /<path d="(M[^"]*)" fill="none"/.exec(svg) as RegExpExecArray;
  const points = [...path.matchAll(/[ML](\S+?) ([\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)]);
  const width = FRAME.right - FRAME.left;
  const height = FRAME.bottom - FRAME.top;
  for (const [i, [x, y]] of points.entries()) {
    expect(x).toBeCloseTo(FRAME.left + (i / 3) * width, 1);
    expect(y).toBeCloseTo(FRAME.bottom - 0.25 * (i + 1) * height, 1);
  }
  expect(svg).toContain('a &#60;b&#62;');
  expect(svg).toContain('>50.0</text>');
  expect(svg).toContain('>1e-6</text>');
});

function verification(matching: number[], nonMatching: number[]): Verification {
  const total = (counts: number[]) => counts.reduce((sum, count) => sum + count, 0);
  return {
    matchingPairs: total(matching),
    nonMatchingPairs: total(nonMatching),
    resolution: 0.1,
    tarAtFar: [],
    roc: [],
    histogram: { binWidth: 0.5, matching, nonMatching },
  };
}

test('the histogram: each kind by its own number, from the first bin that holds a pair to the last', () => {
  const svg = histogramChart(verification([0, 1, 3, 0, 0], [0, 0, 100, 300, 0]), 's');
  const bars = [...svg.matchAll(/<rect x="(.+?)" y="(.+?)" width="(.+?)" height="(.+?)"/g)].map((bar) =>
    bar.slice(1).map(Number),
  );
  const width = (FRAME.right - FRAME.left) / 3;
  expect(bars).toHaveLength(4);
  // Others first, so that the fewer matching ones are in front.
  for (const [i, [bin, share]] of [
    [1, 0.25],
    [2, 0.75],
    [0, 0.25],
    [1, 0.75],
  ].entries()) {
    expect(bars[i][0]).toBeCloseTo(FRAME.left + bin * width, 1);
    expect(bars[i][2]).toBeCloseTo(width, 1);
    expect(bars[i][3]).toBeCloseTo((share / (0.75 * 1.05)) * (FRAME.bottom - FRAME.top), 1);
  }
  expect(svg).toContain('dark: 4 matching pairs, light: 400 others');
});

test('of no pairs: an empty figure, and nothing that is not a number', () => {
  for (const svg of [rocChart([], 's'), histogramChart(verification([0, 0], [0, 0]), 's')]) {
    expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  }
  expect(rocChart([], 's')).toContain('no matching or no other pair');
});
