import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, test } from 'vitest';
import { expectAllClose } from '../../test/allclose.ts';
import { startBackend } from '../../test/backends.ts';
import { clipByGlobalNorm, globalNorm } from './gradient-norm.ts';

beforeAll(() => startBackend('wasm'));

const values = { a: [3, -4, 12], b: [0.5, 84] };
const gradients = () =>
  new Map(Object.entries(values).map(([name, numbers]) => [name, tf.tensor1d(numbers)]));

test('the norm is that of all gradients as one vector', async () => {
  let squares = 0;
  for (const numbers of Object.values(values)) for (const value of numbers) squares += value * value;
  expectAllClose(await globalNorm(gradients().values()).data(), [Math.sqrt(squares)], 1e-6, 'norm');
});

test('gradients above the limit are scaled to it together, others are left alone', async () => {
  const all = gradients();
  const norm = Math.hypot(...values.a, ...values.b);
  const clipped = clipByGlobalNorm(all, norm, 2);
  for (const [name, numbers] of Object.entries(values)) {
    const expected = numbers.map((value) => (value * 2) / (norm + 1e-6));
    expectAllClose(await (clipped.get(name) as tf.Tensor).data(), expected, 1e-6, name);
  }
  expect(clipByGlobalNorm(all, norm, 100)).toBe(all);
});
