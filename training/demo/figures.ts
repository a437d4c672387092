import * as Plot from '@observablehq/plot';
import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import { parseHTML } from 'linkedom';

/** Ten colours that stay apart for most kinds of colour vision (Observable's scheme). */
const DIGIT_COLOURS = 'observable10';

/** The CMC curve as SVG. */
export function cmcCurve(cmc: Readonly<Record<string, number>>): string {
  const points = Object.entries(cmc).map(([rank, share]) => ({ rank: Number(rank), share: 100 * share }));
  const lowest = Math.min(...points.map(({ share }) => share));
  return render({
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

/** Degrees of the circle that one stack of points takes. */
const STACK_DEGREES = 1.5;
const STACK_STEP = 0.012;

/**
 * A 2-d embedding as SVG: every item lies on the unit circle, where the loss sees it, and items of one
 * direction are stacked outwards so that their number shows.
 */
export function circleFigure({ count, features, identities }: EmbeddingSet): string {
  const heights = new Map<number, number>();
  const points = Array.from({ length: count }, (_, i) => {
    const angle = Math.atan2(features[2 * i + 1], features[2 * i]);
    const stack = Math.round((angle * 180) / Math.PI / STACK_DEGREES);
    const height = heights.get(stack) ?? 0;
    heights.set(stack, height + 1);
    const radius = 1 + STACK_STEP * height;
    const direction = (stack * STACK_DEGREES * Math.PI) / 180;
    return {
      x: radius * Math.cos(direction),
      y: radius * Math.sin(direction),
      digit: String(identities[i]),
    };
  });
  const directions = meanDirections(features, identities);
  const extent = 1.05 * Math.max(...points.flatMap(({ x, y }) => [Math.abs(x), Math.abs(y)]));
  return render({
    width: 560,
    height: 560,
    margin: 8,
    x: { domain: [-extent, extent], axis: null },
    y: { domain: [-extent, extent], axis: null },
    color: { type: 'categorical', scheme: DIGIT_COLOURS, domain: '0123456789'.split('') },
    marks: [
      Plot.line(
        Array.from({ length: 181 }, (_, i) => {
          return { x: 0.985 * Math.cos((i * Math.PI) / 90), y: 0.985 * Math.sin((i * Math.PI) / 90) };
        }),
        { x: 'x', y: 'y', stroke: 'currentColor', strokeOpacity: 0.3 },
      ),
      Plot.link(directions, {
        x1: 0,
        y1: 0,
        x2: ({ x }) => 0.8 * x,
        y2: ({ y }) => 0.8 * y,
        stroke: 'digit',
        strokeOpacity: 0.6,
      }),
      Plot.dot(points, { x: 'x', y: 'y', fill: 'digit', r: 1.7 }),
      Plot.text(directions, {
        x: ({ x }) => 0.88 * x,
        y: ({ y }) => 0.88 * y,
        text: 'digit',
        fill: 'digit',
        fontSize: 16,
        fontWeight: 'bold',
      }),
    ],
  });
}

function meanDirections(features: Float32Array, identities: Int32Array) {
  const sums = new Map<number, [number, number]>();
  for (const [i, identity] of identities.entries()) {
    const [x, y] = sums.get(identity) ?? [0, 0];
    sums.set(identity, [x + features[2 * i], y + features[2 * i + 1]]);
  }
  return [...sums].map(([identity, [x, y]]) => {
    const length = Math.hypot(x, y);
    return { digit: String(identity), x: x / length, y: y / length };
  });
}

function render(options: Plot.PlotOptions): string {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  return Plot.plot({ ...options, document }).outerHTML;
}
