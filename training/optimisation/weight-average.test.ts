import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, test } from 'vitest';
import { expectAllClose } from '../../test/allclose.ts';
import { startBackend } from '../../test/backends.ts';
import { WeightAverage } from './weight-average.ts';

beforeAll(() => startBackend('wasm'));

const valuesAt = (step: number) => [step * step, -step];

function variable(): Map<string, tf.Variable> {
  return new Map([['w', tf.tidy(() => tf.tensor1d(valuesAt(0)).variable())]]);
}

function follow(average: WeightAverage, all: Map<string, tf.Variable>, steps: readonly number[]): void {
  for (const step of steps) {
    tf.tidy(() => all.get('w')?.assign(tf.tensor1d(valuesAt(step))));
    average.update(step);
  }
}

test('averages as the rule says, warm-up included', async () => {
  const all = variable();
  const average = new WeightAverage(0.5, all);
  const before = tf.memory().numTensors;
  follow(average, all, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(tf.memory().numTensors).toBe(before);

  const expected = valuesAt(0);
  for (let t = 1; t <= 10; t++) {
    // (1 + t) / (10 + t) passes 0.5 at step 8.
    const decay = t < 8 ? (1 + t) / (10 + t) : 0.5;
    for (const [k, value] of valuesAt(t).entries()) expected[k] = decay * expected[k] + (1 - decay) * value;
  }
  expectAllClose((await average.state()).get('w')?.data as Float32Array, expected, 1e-6, 'average');
});

test('goes on from its state to the same bits', async () => {
  const all = variable();
  const whole = new WeightAverage(0.9, all);
  follow(whole, all, [1, 2, 3]);
  const state = await whole.state();
  follow(whole, all, [4, 5]);

  const rest = variable();
  const resumed = new WeightAverage(0.9, rest, state);
  follow(resumed, rest, [4, 5]);
  expect((await resumed.state()).get('w')?.data).toEqual((await whole.state()).get('w')?.data);
});
