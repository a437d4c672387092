import type { Random } from '@softmargin/shared/random.ts';
import * as tf from '@tensorflow/tfjs';
import { expect } from 'vitest';
import { expectAllClose } from '../../test/allclose.ts';
import { backends, startBackend } from '../../test/backends.ts';
import { centralDifferences } from '../../test/finite-differences.ts';

/** Numbers and the shape to read them in. */
export type PlainTensor = {
  readonly shape: number[];
  readonly values: number[];
};

/** Standard normal numbers. */
export function normal(random: Random, ...shape: number[]): PlainTensor {
  return { shape, values: Array.from({ length: tf.util.sizeFromShape(shape) }, () => random.normal()) };
}

/**
 * Expects a function of tensors to have the values and the gradients on the other backends that tfjs's own
 * `cpu` backend gives it.
 */
export async function expectSameAsCpu(
  f: (...inputs: tf.Tensor[]) => tf.Tensor,
  inputs: readonly PlainTensor[],
  tolerance = 1e-4,
  on = backends.filter((backend) => backend !== 'cpu'),
): Promise<void> {
  const results = [];
  for (const backend of ['cpu', ...on] as const) {
    await startBackend(backend);
    results.push(await read(tf.tidy(() => [f(...inputs.map(toTensor)), ...gradients(f, inputs)])));
  }
  const [cpu, ...others] = results;
  for (const [k, other] of others.entries()) {
    for (const [i, expected] of cpu.entries()) {
      const what = `${i === 0 ? 'values' : `gradient of input ${i - 1}`} on ${on[k]}`;
      expect(other[i].shape, what).toEqual(expected.shape);
      expectAllClose(other[i].values, expected.values, tolerance, what);
    }
  }
}

/**
 * Expects the gradients to be the slopes of the function itself, on all backends but `cpu`. The function has
 * to be linear in each input over twice the step: single precision leaves no room for a small one.
 */
export async function expectGradientsAreSlopes(
  f: (...inputs: tf.Tensor[]) => tf.Tensor,
  inputs: readonly PlainTensor[],
  step: number,
): Promise<void> {
  for (const backend of backends.filter((name) => name !== 'cpu')) {
    await startBackend(backend);
    const actual = await read(tf.tidy(() => gradients(f, inputs)));
    // The function's own values come from the backend that has nothing of ours.
    await startBackend('cpu');
    for (const [i, { shape, values }] of inputs.entries()) {
      const slopes = centralDifferences(
        (moved) =>
          tf.tidy(() => {
            const output = f(
              ...inputs.map((input, k) => toTensor(k === i ? { shape, values: moved } : input)),
            );
            return tf
              .dot(tf.reshape(output, [-1]), tf.reshape(unevenWeights(output.shape), [-1]))
              .dataSync()[0];
          }),
        values,
        step,
      );
      expectAllClose(actual[i].values, slopes, 1e-3, `gradient of input ${i} on ${backend}`);
    }
  }
}

function gradients(f: (...inputs: tf.Tensor[]) => tf.Tensor, inputs: readonly PlainTensor[]): tf.Tensor[] {
  const tensors = inputs.map(toTensor);
  return tf.grads(f)(tensors, unevenWeights(f(...tensors).shape));
}

/** A gradient of the output in which no two elements could be mistaken for each other. */
function unevenWeights(shape: number[]): tf.Tensor {
  const values = Array.from({ length: tf.util.sizeFromShape(shape) }, (_, i) => Math.sin(i + 1));
  return tf.tensor(values, shape);
}

function toTensor({ shape, values }: PlainTensor): tf.Tensor {
  return tf.tensor(values, shape);
}

/** Reads tensors and disposes of them. */
async function read(tensors: readonly tf.Tensor[]): Promise<PlainTensor[]> {
  const plain: PlainTensor[] = [];
  for (const tensor of tensors) {
    plain.push({ shape: tensor.shape, values: [...(await tensor.data())] });
    tensor.dispose();
  }
  return plain;
}
