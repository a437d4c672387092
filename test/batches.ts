import * as tf from '@tensorflow/tfjs';
import { expect } from 'vitest';
import { LossBatch } from '../shared/losses/batch.ts';
import type { Random } from '../shared/random.ts';
import { expectAllClose } from './allclose.ts';
import { centralDifferences } from './finite-differences.ts';
import { readAll } from './read.ts';

type Rows = readonly (readonly number[])[];

/** A batch in plain numbers: rows of features and what the losses learn, a row or a number a class. */
export interface PlainBatch {
  readonly features: Rows;
  readonly weights: Rows;
  readonly biases: readonly number[];
  readonly centres: Rows;
  readonly labels: readonly number[];
}

/** Normal features and weights of no particular length, rounded to float32. */
export function randomBatch(
  random: Random,
  labels: readonly number[],
  classes: number,
  dimension: number,
): PlainBatch {
  const row = (length: number) => Array.from({ length }, () => Math.fround(3 * random.normal()));
  const rows = (count: number) => Array.from({ length: count }, () => row(dimension));
  return {
    features: rows(labels.length),
    weights: rows(classes),
    labels,
    centres: rows(classes),
    biases: row(classes),
  };
}

/** A row at unit length. */
export function unit(row: readonly number[]): number[] {
  const length = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0));
  return row.map((value) => value / length);
}

/** cos θ of two rows. */
export function cosine(a: readonly number[], b: readonly number[]): number {
  const [u, v] = [unit(a), unit(b)];
  return u.reduce((sum, value, k) => sum + value * v[k], 0);
}

/** ‖a − b‖. */
export function distance(a: readonly number[], b: readonly number[]): number {
  return Math.sqrt(a.reduce((sum, value, k) => sum + (value - b[k]) ** 2, 0));
}

/** ‖â − b̂‖, as the length of the difference. */
export function sphereDistance(a: readonly number[], b: readonly number[]): number {
  return distance(unit(a), unit(b));
}

/** A loss and its gradients as tfjs computes them, through the whole chain from what is given. */
export interface Differentiated {
  readonly value: number;
  readonly features: Float32Array;
  readonly weights: Float32Array;
  readonly biases: Float32Array;
  readonly centres: Float32Array;
}

export async function differentiate(
  batch: PlainBatch,
  loss: (batch: LossBatch) => tf.Scalar,
): Promise<Differentiated> {
  const [[value], features, weights, biases, centres] = await readAll(() => {
    const inputs = [batch.features, batch.weights, batch.biases, batch.centres];
    const { value, grads } = tf.valueAndGrads((...given: tf.Tensor[]) => {
      const [features, classWeights, classBias, centres] = given;
      const parameters = { classWeights, classBias, centres };
      const found = loss(
        new LossBatch(features as tf.Tensor2D, batch.labels, batch.weights.length, parameters),
      );
      // tfjs refuses to differentiate by what the loss does not use: zero times it has gradient zero.
      return tf.addN([found, ...given.map((tensor) => tf.mul(tf.sum(tensor), 0))]);
    })(inputs.map((input) => tf.tensor(input as number[] | number[][])));
    return [value, ...grads];
  });
  return { value, features, weights, biases, centres };
}

/**
 * Expects the value of a loss to be what the explicit loops give, and its gradients those loops' central
 * differences. A gradient that the loss must have is named: zeros would agree with zeros.
 */
export async function expectDerivation(
  batch: PlainBatch,
  loss: (batch: LossBatch) => tf.Scalar,
  slow: (batch: PlainBatch) => number,
  { moves, tolerance = 1e-5 }: { moves: (keyof PlainBatch & keyof Differentiated)[]; tolerance?: number },
): Promise<void> {
  const found = await differentiate(batch, loss);
  expectAllClose([found.value], [slow(batch)], tolerance, 'value');
  for (const name of ['features', 'weights', 'centres', 'biases'] as const) {
    const shape = batch[name];
    const width = Array.isArray(shape[0]) ? shape[0].length : 1;
    const expected = centralDifferences((flat) => {
      const moved = name === 'biases' ? flat : shape.map((_, i) => flat.slice(width * i, width * (i + 1)));
      return slow({ ...batch, [name]: moved });
    }, (shape as (number | number[])[]).flat());
    expectAllClose(found[name], expected, tolerance, `gradient of ${name}`);
    const largest = Math.max(...found[name].map(Math.abs));
    if (moves.includes(name)) expect(largest, `gradient of ${name}`).toBeGreaterThan(1e-4);
  }
}

/** Expects a loss and all its gradients to be finite numbers, and gives them. */
export async function expectFinite(
  batch: PlainBatch,
  loss: (batch: LossBatch) => tf.Scalar,
): Promise<Differentiated> {
  const found = await differentiate(batch, loss);
  const { value, features, weights, biases, centres } = found;
  const numbers = [value, ...features, ...weights, ...biases, ...centres];
  expect(numbers.filter((number) => !Number.isFinite(number))).toEqual([]);
  return found;
}
