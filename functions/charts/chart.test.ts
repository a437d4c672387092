import { describe, expect, test } from 'vitest';
import { drawChart, FRAME, place, roundTicks } from './chart.ts';
import { cmcChart } from './cmc.ts';

describe('round ticks', () => {
  test.each([
    [0, 100, 5, [0, 20, 40, 60, 80, 100]],
    [0, 1, 5, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [90, 100, 6, [90, 92, 94, 96, 98, 100]],
    [0.3, 2.2, 4, [0.5, 1, 1.5, 2]],
    [0, 50, 10, [0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50]],
  ])('from %d to %d, at most %d steps', (from, to, most, expected) => {
    expect(roundTicks(from, to, most)).toEqual(expected);
  });
});

describe('where a value lies', () => {
  test('the ends and the middle of a linear axis', () => {
    const axis = { label: '', from: 1, to: 51, ticks: [] };
    expect([1, 26, 51].map((value) => place(axis, value, 60, 160))).toEqual([60, 110, 160]);
    expect([1, 26, 51].map((value) => place(axis, value, 300, 100))).toEqual([300, 200, 100]);
  });

  test('equal ratios are equal distances on a logarithmic one', () => {
    const axis = { label: '', from: 1e-4, to: 1, ticks: [], logarithmic: true };
    const places = [1e-4, 1e-3, 1e-2, 1e-1, 1].map((value) => place(axis, value, 0, 400));
    for (const [i, value] of places.entries()) expect(value).toBeCloseTo(100 * i, 9);
  });
});

test('bars stand on the axis, as wide and as high as their values', () => {
  const axis = { label: 'a', from: 0, to: 10, ticks: [] };
  const bars = [{ from: 2, to: 4, height: 5 }];
  const svg = drawChart({
    title: 't',
    subtitle: '',
    x: axis,
    y: axis,
    marks: [{ kind: 'bars', bars, opacity: 0.5 }],
  });
  const [, x, y, width, height] = /<rect x="(.+?)" y="(.+?)" width="(.+?)" height="(.+?)"/.exec(
    svg,
  ) as RegExpExecArray;
  const plotWidth = FRAME.right - FRAME.left;
  const plotHeight = FRAME.bottom - FRAME.top;
  expect(Number(x)).toBeCloseTo(FRAME.left + 0.2 * plotWidth, 2);
  expect(Number(width)).toBeCloseTo(0.2 * plotWidth, 2);
  expect(Number(y)).toBeCloseTo(FRAME.bottom - 0.5 * plotHeight, 2);
  expect(Number(y) + Number(height)).toBeCloseTo(FRAME.bottom, 2);
});

describe('the CMC curve', () => {
  const cmc = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [i + 1, 1 - 0.4 / (i + 1)]));
  const svg = cmcChart(cmc, 'a <b> & "c"');
  const line = [
    ...(/<path d="(M[^"]*)" fill="none"/.exec(svg) as RegExpExecArray)[1].matchAll(/[ML](\S+?) ([\d.]+)/g),
  ];

  test('has a point for each rank, from edge to edge, rising', () => {
    expect(line).toHaveLength(50);
    expect(Number(line[0][1])).toBe(FRAME.left);
    expect(Number(line[49][1])).toBe(FRAME.right);
    const heights = line.map(([, , y]) => Number(y));
    expect(heights).toEqual([...heights].sort((a, b) => b - a));
    // 60 % is the bottom of an axis from 60 to 100, 99.2 % is 39.2 fortieths up.
    expect(heights[0]).toBe(FRAME.bottom);
    expect(heights[49]).toBeCloseTo(FRAME.bottom - (39.2 / 40) * (FRAME.bottom - FRAME.top), 2);
  });

  test('says what it shows, and nothing of it is markup', () => {
    expect(svg).toContain('<title id="title">Cumulative matching characteristic</title>');
    expect(svg).toContain('a &#60;b&#62; &#38; &#34;c&#34;');
    expect(svg).toContain('>60.0</text>');
    expect(svg).not.toMatch(/NaN|undefined|Infinity|(href|src)=|url\(/);
  });

  test('of one rank, and of none', () => {
    for (const short of [{ 1: 1 }, {}]) expect(cmcChart(short, 's')).not.toMatch(/NaN|undefined|Infinity/);
    expect(cmcChart({}, 's')).toContain('no valid query');
  });
});
