import { createRandom } from '@softmargin/shared/random.ts';
import * as tf from '@tensorflow/tfjs';
import { test } from 'vitest';
import { expectAllClose } from '../../test/allclose.ts';
import { startBackend } from '../../test/backends.ts';
import { normal } from './cpu-oracle.ts';

const slopes = [
  { x: [2, 3, 4, 5], alpha: [5] },
  { x: [6, 5], alpha: [5] },
  { x: [6, 5], alpha: [1] },
  { x: [2, 3, 4, 5], alpha: [3, 4, 5] },
  { x: [3, 4], alpha: [3, 4] },
];

test.for(slopes)('the gradient of PReLU is its formula for $x and $alpha', async ({ x, alpha }) => {
  await startBackend('wasm');
  const random = createRandom(10);
  const input = normal(random, ...x);
  input.values[0] = 0;
  const slope = normal(random, ...alpha);
  const output = normal(random, ...x);

  const inputGradient = input.values.map(
    (value, i) => output.values[i] * (value > 0 ? 1 : slope.values[i % slope.values.length]),
  );
  const slopeGradient = slope.values.map((_, k) =>
    input.values.reduce(
      (sum, value, i) => (i % slope.values.length === k ? sum + output.values[i] * Math.min(0, value) : sum),
      0,
    ),
  );

  const [dx, dalpha] = tf.grads((a, b) => tf.prelu(a, b))(
    [tf.tensor(input.values, x), tf.tensor(slope.values, alpha)],
    tf.tensor(output.values, x),
  );
  expectAllClose(await dx.data(), inputGradient, 1e-5, 'gradient of the input');
  expectAllClose(await dalpha.data(), slopeGradient, 1e-5, 'gradient of the slopes');
});
