import { expect, test } from 'vitest';
import { classGeometry } from './class-geometry.ts';

test('angles on the circle, whatever the lengths', () => {
  // Degrees and lengths; the centres are at 10°, 100° and 160°.
  const items: [number, number, number][] = [
    [0, 0, 3],
    [20, 0, 0.5],
    [100, 1, 7],
    [150, 2, 1],
    [170, 2, 40],
  ];
  const features = Float32Array.from(
    items.flatMap(([degrees, , length]) => [
      length * Math.cos((degrees * Math.PI) / 180),
      length * Math.sin((degrees * Math.PI) / 180),
    ]),
  );
  const { angleToCentre, angleBetweenCentres } = classGeometry(
    features,
    Int32Array.from(items, ([, label]) => label),
  );
  expect(angleToCentre).toBeCloseTo((10 + 10 + 0 + 10 + 10) / 5, 4);
  expect(angleBetweenCentres).toBeCloseTo(60, 4);
});
