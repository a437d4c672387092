import { createRandom } from '@softmargin/shared/random.ts';
import * as tf from '@tensorflow/tfjs';
import { test } from 'vitest';
import { expectAllClose } from '../../../test/allclose.ts';
import { startBackend } from '../../../test/backends.ts';
import { expectSameAsCpu, normal } from '../cpu-oracle.ts';

test.for([0, 1, 2])('the gradient of gathering along axis %i is that of cpu', async (axis) => {
  const x = normal(createRandom(7), 4, 5, 4);
  await expectSameAsCpu((rows) => tf.gather(rows, tf.tensor1d([1, 3, 1, 0, 1], 'int32'), axis), [x]);
});

test('rows of no segment are left out, and a segment without rows is zero', async () => {
  await startBackend('wasm');
  const rows = tf.tensor2d([
    [1, 2],
    [3, 4],
    [5, 6],
    [7, 8],
  ]);
  const sums = tf.unsortedSegmentSum(rows, tf.tensor1d([2, -1, 2, 3], 'int32'), 3);
  expectAllClose(await sums.data(), [0, 0, 0, 0, 6, 8], 0);
});
