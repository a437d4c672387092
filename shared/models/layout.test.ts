import { expect, test } from 'vitest';
import { computeShape, toComputeLayout, toStoredLayout } from './layout.ts';
import type { ParameterRole } from './parameters.ts';

test('[out, in, height, width] becomes [height, width, in, out]', () => {
  const [O, I, H, W] = [2, 3, 4, 5];
  const stored = Float32Array.from({ length: O * I * H * W }, (_, k) => k);
  const computed = toComputeLayout(stored, [O, I, H, W]);
  for (let o = 0; o < O; o++) {
    for (let i = 0; i < I; i++) {
      for (let y = 0; y < H; y++) {
        for (let x = 0; x < W; x++) {
          const value = stored[o * I * H * W + i * H * W + y * W + x];
          expect(computed[y * W * I * O + x * I * O + i * O + o]).toBe(value);
        }
      }
    }
  }
});

test('and back', () => {
  const shape = [4, 2, 3, 1];
  const stored = Float32Array.from({ length: 24 }, (_, k) => k * k);
  const computed = toComputeLayout(stored, shape);
  expect(computed).not.toEqual(stored);
  expect(toStoredLayout(computed, shape)).toEqual(stored);
  expect(toComputeLayout(toStoredLayout(stored, shape), shape)).toEqual(stored);
});

test('a fully connected layer: [out, in] becomes [in, out], and back', () => {
  const stored = Float32Array.of(1, 2, 3, 4, 5, 6);
  expect(toComputeLayout(stored, [2, 3])).toEqual(Float32Array.of(1, 4, 2, 5, 3, 6));
  expect(toStoredLayout(toComputeLayout(stored, [2, 3]), [2, 3])).toEqual(stored);
});

test('the shapes that tfjs computes with', () => {
  const shape = (role: ParameterRole, stored: number[]) =>
    computeShape({ name: 'weight', role, shape: stored });
  expect(shape('convolution-weight', [8, 4, 3, 5])).toEqual([3, 5, 4, 8]);
  expect(shape('depthwise-weight', [8, 1, 3, 5])).toEqual([3, 5, 8, 1]);
  expect(shape('linear-weight', [8, 4])).toEqual([4, 8]);
  expect(shape('running-mean', [8])).toBeUndefined();
});

test('the given array is left as it was', () => {
  const stored = Float32Array.of(1, 2, 3, 4);
  toComputeLayout(stored, [2, 2, 1, 1]);
  toStoredLayout(stored, [2, 2, 1, 1]);
  expect(stored).toEqual(Float32Array.of(1, 2, 3, 4));
});
