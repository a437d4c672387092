import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, test } from 'vitest';
import { expectAllClose } from '../../test/allclose.ts';
import { startBackend } from '../../test/backends.ts';
import { Adam } from './adam.ts';

beforeAll(() => startBackend('wasm'));

/** Adam as Kingma and Ba write it (algorithm 1), on one number. */
function reference(start: number, gradients: number[], rate: number): number {
  let [x, m, v] = [start, 0, 0];
  for (const [t, g] of gradients.entries()) {
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g * g;
    const mHat = m / (1 - 0.9 ** (t + 1));
    const vHat = v / (1 - 0.999 ** (t + 1));
    x -= (rate * mHat) / (Math.sqrt(vHat) + 1e-8);
  }
  return x;
}

const starts: Record<string, number[]> = { weights: [1, -2, 0.5], other: [3] };
const gradients = {
  weights: [
    [0.1, -4, 0],
    [0.3, 2, 1e-4],
    [-0.2, 1, 5],
  ],
  other: [[7], [-7], [0.01]],
};
const rates: Record<string, number> = { weights: 0.01, other: 0.1 };

function variables(values: Record<string, Iterable<number>>): Map<string, tf.Variable> {
  return new Map(
    Object.entries(values).map(([name, numbers]) => [name, tf.tensor1d([...numbers]).variable()]),
  );
}

function takeStep(adam: Adam, all: Map<string, tf.Variable>, step: number): void {
  const grads: Record<string, tf.Tensor> = {};
  for (const name of ['weights', 'other'] as const) {
    grads[(all.get(name) as tf.Variable).name] = tf.tensor1d(gradients[name][step]);
  }
  adam.step(all, grads, (name) => rates[name]);
  tf.dispose(grads);
}

test('moves each variable as the paper says, at its own rate', async () => {
  const all = variables(starts);
  const adam = new Adam(all);
  for (const step of [0, 1, 2]) takeStep(adam, all, step);
  for (const name of ['weights', 'other'] as const) {
    const expected = starts[name].map((start, k) =>
      reference(
        start,
        gradients[name].map((g) => g[k]),
        rates[name],
      ),
    );
    expectAllClose(await (all.get(name) as tf.Variable).data(), expected, 1e-6, name);
  }
});

test('goes on from its state to the same bits', async () => {
  const whole = variables(starts);
  const adam = new Adam(whole);
  takeStep(adam, whole, 0);
  takeStep(adam, whole, 1);
  const state = await adam.state();
  const values = Object.fromEntries(
    await Promise.all([...whole].map(async ([name, v]) => [name, [...(await v.data())]] as const)),
  );
  takeStep(adam, whole, 2);

  const rest = variables(values);
  takeStep(new Adam(rest, { steps: 2, moments: state }), rest, 2);
  for (const name of ['weights', 'other']) {
    expect(await rest.get(name)?.data()).toEqual(await whole.get(name)?.data());
  }
});

test('leaves no tensor behind', () => {
  const all = variables(starts);
  const adam = new Adam(all);
  const before = tf.memory().numTensors;
  for (const step of [0, 1, 2]) takeStep(adam, all, step);
  expect(tf.memory().numTensors).toBe(before);
});
