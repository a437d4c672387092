import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { startBackend } from '../../../test/backends.ts';

test('a clone outlives its original', async () => {
  await startBackend('wasm');
  const original = tf.tensor1d([1, 2, 3]);
  const clone = original.clone();
  original.dispose();
  // Would land where the original was, had that been freed.
  tf.tensor1d([7, 8, 9]);
  expect([...(await clone.data())]).toEqual([1, 2, 3]);
});

test('assigning to a variable leaves the clones of its old value alone', async () => {
  await startBackend('wasm');
  const variable = tf.variable(tf.tensor1d([1, 2]));
  const clone = variable.clone();
  variable.assign(tf.tensor1d([3, 4]));
  expect([...(await clone.data())]).toEqual([1, 2]);
  expect([...(await variable.data())]).toEqual([3, 4]);
});
