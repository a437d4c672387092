import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { expectAllClose } from '../../test/allclose.ts';
import { startBackend } from '../../test/backends.ts';
import { adam } from './adam.ts';
import { Optimiser } from './optimiser.ts';
import { sgd } from './sgd.ts';
import type { UpdateRule } from './update-rule.ts';

beforeAll(() => startBackend('wasm'));

const starts: Record<string, number[][]> = { weights: [[1, -2, 0.5]], bias: [[3]] };
const slopes: Record<string, number[][]> = {
  weights: [
    [0.1, -4, 0],
    [0.3, 2, 1e-4],
    [-0.2, 1, 5],
  ],
  bias: [[7], [-7], [0.01]],
};
const factors = new Map([['bias', 10]]);
const RATE = 0.01;
const DECAY = 0.05;

/** A rule on one number, as PyTorch's documentation of the optimiser writes it: the value after all steps. */
type Reference = (start: number, gradients: readonly number[], rate: number, decay: number) => number;

function adamReference(decoupled: boolean): Reference {
  return (start, gradients, rate, decay) => {
    let [x, m, v] = [start, 0, 0];
    for (const [t, gradient] of gradients.entries()) {
      let g = gradient;
      if (decoupled) x -= rate * decay * x;
      else g += decay * x;
      m = 0.9 * m + 0.1 * g;
      v = 0.999 * v + 0.001 * g * g;
      const mHat = m / (1 - 0.9 ** (t + 1));
      const vHat = v / (1 - 0.999 ** (t + 1));
      x -= (rate * mHat) / (Math.sqrt(vHat) + 1e-8);
    }
    return x;
  };
}

function sgdReference(momentum: number, nesterov: boolean): Reference {
  return (start, gradients, rate, decay) => {
    let x = start;
    let b: number | undefined;
    for (const gradient of gradients) {
      let g = gradient + decay * x;
      if (momentum !== 0) {
        b = b === undefined ? g : momentum * b + g;
        g = nesterov ? g + momentum * b : b;
      }
      x -= rate * g;
    }
    return x;
  };
}

const constants = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };
const rules: [string, UpdateRule, Reference][] = [
  ['adam', adam({ ...constants, decay: 'in-gradient' }), adamReference(false)],
  ['adamw', adam({ ...constants, decay: 'decoupled' }), adamReference(true)],
  ['sgd', sgd({ momentum: 0, nesterov: false }), sgdReference(0, false)],
  ['sgd with momentum', sgd({ momentum: 0.9, nesterov: false }), sgdReference(0.9, false)],
  ['sgd with Nesterov momentum', sgd({ momentum: 0.9, nesterov: true }), sgdReference(0.9, true)],
];

/** `weights` has two axes and decays, `bias` has one and does not. */
function variables(): Map<string, tf.Variable> {
  return new Map<string, tf.Variable>([
    ['weights', tf.tidy(() => tf.tensor2d(starts.weights).variable())],
    ['bias', tf.tidy(() => tf.tensor1d(starts.bias[0]).variable())],
  ]);
}

function takeStep(optimiser: Optimiser, step: number, weightDecay: number): void {
  tf.tidy(() => {
    const gradients = new Map<string, tf.Tensor>([
      ['weights', tf.tensor2d([slopes.weights[step]])],
      ['bias', tf.tensor1d(slopes.bias[step])],
    ]);
    optimiser.step(gradients, { learningRate: RATE, factors, weightDecay });
  });
}

describe.each(rules)('%s', (_, rule, reference) => {
  test.each([0, DECAY])('moves each variable as documented, with weight decay %f', async (weightDecay) => {
    const all = variables();
    const optimiser = new Optimiser(rule, all);
    for (const step of [0, 1, 2]) takeStep(optimiser, step, weightDecay);
    for (const [name, rate, decay] of [
      ['weights', RATE, weightDecay],
      ['bias', 10 * RATE, 0],
    ] as const) {
      const expected = starts[name][0].map((start, k) =>
        reference(
          start,
          slopes[name].map((gradient) => gradient[k]),
          rate,
          decay,
        ),
      );
      expectAllClose(await (all.get(name) as tf.Variable).data(), expected, 1e-6, name);
    }
  });

  test('goes on from its state to the same bits', async () => {
    const whole = variables();
    const optimiser = new Optimiser(rule, whole);
    takeStep(optimiser, 0, DECAY);
    takeStep(optimiser, 1, DECAY);
    const state = await optimiser.state();
    const values = new Map([...whole].map(([name, variable]) => [name, variable.arraySync()]));
    takeStep(optimiser, 2, DECAY);

    const rest = variables();
    for (const [name, variable] of rest) variable.assign(tf.tensor(values.get(name) as number[]));
    takeStep(new Optimiser(rule, rest, { steps: 2, moments: state }), 2, DECAY);
    for (const [name, variable] of rest) {
      expect(await variable.data()).toEqual(await whole.get(name)?.data());
    }
  });

  test('leaves no tensor behind', () => {
    const all = variables();
    const before = tf.memory().numTensors;
    const optimiser = new Optimiser(rule, all);
    takeStep(optimiser, 0, DECAY);
    const between = tf.memory().numTensors;
    takeStep(optimiser, 1, DECAY);
    expect(tf.memory().numTensors).toBe(between);
    optimiser.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

test('a state of another rule is refused', async () => {
  const all = variables();
  const moments = await new Optimiser(sgd({ momentum: 0.9, nesterov: false }), all).state();
  const other = adam({ ...constants, decay: 'decoupled' });
  expect(() => new Optimiser(other, all, { steps: 1, moments })).toThrow('It has no moment weights.first.');
});
