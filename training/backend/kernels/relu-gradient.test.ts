import { createRandom } from '@softmargin/shared/random.ts';
import * as tf from '@tensorflow/tfjs';
import { test } from 'vitest';
import { expectGradientsAreSlopes, expectSameAsCpu, normal } from '../cpu-oracle.ts';

test.for([[3], [4], [2, 3, 5, 7]])('the gradient of ReLU is that of cpu, shape %o', async (shape) => {
  const { values } = normal(createRandom(14), ...shape);
  values[0] = 0;
  await expectSameAsCpu((x) => tf.relu(x), [{ shape, values }]);
});

test('the gradient of ReLU is its slope away from zero', async () => {
  await expectGradientsAreSlopes((x) => tf.relu(x), [{ shape: [5], values: [-2, -1, 1, 2, 3] }], 0.5);
});
