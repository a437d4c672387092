import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { expectAllClose } from '../../test/allclose.ts';
import { backends, startBackend } from '../../test/backends.ts';
import { centralDifferences } from '../../test/finite-differences.ts';
import { createRandom } from '../random.ts';
import { batchNormalisation } from './batch-normalisation.ts';

const [ROWS, CHANNELS, EPSILON] = [7, 3, 1e-3];

interface Case {
  readonly rows: number[];
  readonly weight: number[];
  readonly bias: number[];
}

function randomCase(seed: number): Case {
  const random = createRandom(seed);
  const numbers = (length: number, scale: number, shift: number) =>
    Array.from({ length }, () => Math.fround(shift + scale * random.normal()));
  return {
    rows: numbers(ROWS * CHANNELS, 2, 1),
    weight: numbers(CHANNELS, 1, 0.5),
    bias: numbers(CHANNELS, 1, 0),
  };
}

/** One channel after the other: mean, biased variance, and every row by them. */
function slowNormalisation({ rows, weight, bias }: Case) {
  const output = Array<number>(rows.length);
  const means: number[] = [];
  const variances: number[] = [];
  for (let c = 0; c < CHANNELS; c++) {
    let mean = 0;
    for (let r = 0; r < ROWS; r++) mean += rows[r * CHANNELS + c] / ROWS;
    let variance = 0;
    for (let r = 0; r < ROWS; r++) variance += (rows[r * CHANNELS + c] - mean) ** 2 / ROWS;
    for (let r = 0; r < ROWS; r++) {
      const i = r * CHANNELS + c;
      output[i] = ((rows[i] - mean) / Math.sqrt(variance + EPSILON)) * weight[c] + bias[c];
    }
    means.push(mean);
    variances.push(variance);
  }
  return { output, means, variances };
}

describe.each(backends)('batchNormalisation on %s', (backend) => {
  beforeAll(() => startBackend(backend));

  const normalise = (rows: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor) =>
    batchNormalisation(rows as tf.Tensor2D, weight as tf.Tensor1D, bias as tf.Tensor1D, EPSILON);

  const tensorsOf = ({ rows, weight, bias }: Case) => [
    tf.tensor2d(rows, [ROWS, CHANNELS]),
    tf.tensor1d(weight),
    tf.tensor1d(bias),
  ];

  test.each([1, 2, 3])('value, mean and biased variance, case %i', async (seed) => {
    const given = randomCase(seed);
    const expected = slowNormalisation(given);
    const [rows, weight, bias] = tensorsOf(given);
    const { output, mean, variance } = normalise(rows, weight, bias);
    expectAllClose(await output.data(), expected.output, 1e-5, 'output');
    expectAllClose(await mean.data(), expected.means, 1e-6, 'mean');
    expectAllClose(await variance.data(), expected.variances, 1e-5, 'variance');
    tf.dispose([rows, weight, bias, output, mean, variance]);
  });

  test.each([1, 2, 3])('gradients of rows, weight and bias, case %i', async (seed) => {
    const given = randomCase(seed);
    // A sum of squares with random factors: a loss whose gradient differs everywhere.
    const random = createRandom(seed, 1);
    const factors = given.rows.map(() => random.normal());
    const loss = (at: Case) =>
      slowNormalisation(at).output.reduce((sum, value, i) => sum + factors[i] * value * value, 0);

    const gradients = tf.tidy(() =>
      tf.grads((rows: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor) => {
        const { output, mean, variance } = normalise(rows, weight, bias);
        tf.dispose([mean, variance]);
        return tf.sum(tf.mul(tf.square(output), tf.tensor2d(factors, [ROWS, CHANNELS])));
      })(tensorsOf(given)),
    );
    expectAllClose(
      await gradients[0].data(),
      centralDifferences((rows) => loss({ ...given, rows }), given.rows),
      2e-5,
      'gradient of rows',
    );
    expectAllClose(
      await gradients[1].data(),
      centralDifferences((weight) => loss({ ...given, weight }), given.weight),
      2e-5,
      'gradient of weight',
    );
    expectAllClose(
      await gradients[2].data(),
      centralDifferences((bias) => loss({ ...given, bias }), given.bias),
      2e-5,
      'gradient of bias',
    );
  });

  test('a channel without variance gives its bias, and no gradient that is not a number', async () => {
    const weight = tf.tensor1d([2]);
    const bias = tf.tensor1d([0.5]);
    let normalised: tf.Tensor | undefined;
    const gradient = tf.grad((rows: tf.Tensor) => {
      const { output, mean, variance } = normalise(rows, weight, bias);
      normalised = tf.keep(output.clone());
      tf.dispose([mean, variance]);
      return tf.sum(tf.square(output));
    })(tf.tensor2d([[3], [3], [3]]));
    expect([...((await normalised?.data()) ?? [])]).toEqual([0.5, 0.5, 0.5]);
    expect([...(await gradient.data())].every(Number.isFinite)).toBe(true);
    tf.dispose([weight, bias, gradient, normalised as tf.Tensor]);
  });

  test('keeps mean and variance out of the tidy around it, and nothing else', () => {
    const [rows, weight, bias] = tensorsOf(randomCase(4));
    const before = tf.memory().numTensors;
    const kept: tf.Tensor[] = [];
    tf.tidy(() => {
      const { mean, variance } = normalise(rows, weight, bias);
      kept.push(mean, variance);
    });
    expect(tf.memory().numTensors).toBe(before + 2);
    expect(kept.map((tensor) => tensor.isDisposed)).toEqual([false, false]);
    tf.dispose([rows, weight, bias, ...kept]);
    expect(tf.memory().numTensors).toBe(before - 3);
  });
});
