import * as Plot from '@observablehq/plot';
import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import { renderPlot } from './plot.ts';

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
      identity: String(identities[i]),
    };
  });
  const directions = meanDirections(features, identities);
  const extent = 1.05 * Math.max(...points.flatMap(({ x, y }) => [Math.abs(x), Math.abs(y)]));
  return renderPlot({
    width: 560,
    height: 560,
    margin: 8,
    x: { domain: [-extent, extent], axis: null },
    y: { domain: [-extent, extent], axis: null },
    color: {
      type: 'categorical',
      scheme: 'observable10',
      domain: [...new Set(identities)].sort((a, b) => a - b).map(String),
    },
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
        stroke: 'identity',
        strokeOpacity: 0.6,
      }),
      Plot.dot(points, { x: 'x', y: 'y', fill: 'identity', r: 1.7 }),
      Plot.text(directions, {
        x: ({ x }) => 0.88 * x,
        y: ({ y }) => 0.88 * y,
        text: 'identity',
        fill: 'identity',
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
    return { identity: String(identity), x: x / length, y: y / length };
  });
}
