import { createRandom } from '@softmargin/shared/random.ts';
import { expect, test } from 'vitest';
import { principalPlane } from './principal-components.ts';

test('finds the two directions that a cloud was stretched along', () => {
  const random = createRandom(8);
  const count = 400;
  // Orthonormal directions in 4-d, by hand.
  const axes = [
    [0.5, 0.5, 0.5, 0.5],
    [0.5, -0.5, 0.5, -0.5],
    [Math.SQRT1_2, 0, -Math.SQRT1_2, 0],
  ];
  const deviations = [9, 3, 0.1];
  const features = new Float32Array(count * 4);
  const coordinates: number[][] = [];
  for (let i = 0; i < count; i++) {
    const drawn = deviations.map((deviation) => deviation * random.normal());
    coordinates.push(drawn);
    for (let k = 0; k < 4; k++) {
      features[4 * i + k] = 7 + drawn.reduce((sum, value, axis) => sum + value * axes[axis][k], 0);
    }
  }
  const plane = principalPlane(features, count, 4);
  for (const axis of [0, 1]) {
    const mean = coordinates.reduce((sum, drawn) => sum + drawn[axis], 0) / count;
    let [product, ours, theirs] = [0, 0, 0];
    for (let i = 0; i < count; i++) {
      const [a, b] = [plane[2 * i + axis], coordinates[i][axis] - mean];
      product += a * b;
      ours += a * a;
      theirs += b * b;
    }
    // The same coordinates but for the sign and for what chance correlates in 400 draws.
    expect(Math.abs(product) / Math.sqrt(ours * theirs)).toBeGreaterThan(0.99);
    expect(Math.sqrt(ours / theirs)).toBeCloseTo(1, 1);
  }
});

test('points that are all the same lie in one place', () => {
  expect([...principalPlane(new Float32Array(12).fill(3), 4, 3)].every((value) => value === 0)).toBe(true);
});
