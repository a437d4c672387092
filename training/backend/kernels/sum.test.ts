import { createRandom } from '@softmargin/shared/random.ts';
import * as tf from '@tensorflow/tfjs';
import { test } from 'vitest';
import { expectSameAsCpu, normal } from '../cpu-oracle.ts';

const sums = [
  { shape: [7, 5], axes: [0] },
  { shape: [2, 3, 4, 5], axes: [0, 1, 2] },
  { shape: [2, 3, 4, 5], axes: [2, 0, 1] },
  { shape: [2, 3, 4, 5], axes: [0] },
  { shape: [2, 3, 4, 5], axes: [1, 2] },
  { shape: [2, 3, 4, 5], axes: [-1] },
  { shape: [2, 3], axes: [0, 1] },
  { shape: [1, 6], axes: [0] },
  // More columns than are pooled.
  { shape: [3, 2100], axes: [0] },
];

test.for(sums)('the sum of $shape over $axes is that of cpu', async ({ shape, axes }) => {
  const x = normal(createRandom(9), ...shape);
  await expectSameAsCpu((t) => tf.sum(t, axes), [x]);
  await expectSameAsCpu((t) => tf.sum(t, axes, true), [x]);
});
