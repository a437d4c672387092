import * as tf from '@tensorflow/tfjs';
import { type LossBatch, lossBatch } from '../shared/losses/batch.ts';
import type { Random } from '../shared/random.ts';

/** A batch in plain numbers: rows of features and of class weights. */
export interface PlainBatch {
  readonly features: readonly (readonly number[])[];
  readonly weights: readonly (readonly number[])[];
  readonly labels: readonly number[];
}

/** Normal features and weights of no particular length, rounded to float32. */
export function randomBatch(
  random: Random,
  labels: readonly number[],
  classes: number,
  dimension: number,
): PlainBatch {
  const rows = (count: number) =>
    Array.from({ length: count }, () =>
      Array.from({ length: dimension }, () => Math.fround(3 * random.normal())),
    );
  return { features: rows(labels.length), weights: rows(classes), labels };
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

/** ‖â − b̂‖, as the length of the difference. */
export function sphereDistance(a: readonly number[], b: readonly number[]): number {
  const [u, v] = [unit(a), unit(b)];
  return Math.sqrt(u.reduce((sum, value, k) => sum + (value - v[k]) ** 2, 0));
}

/** A loss and its gradients as tfjs computes them, through the whole chain from features and weights. */
export interface Differentiated {
  readonly value: number;
  readonly features: Float32Array;
  readonly weights: Float32Array;
}

export function differentiate(batch: PlainBatch, loss: (batch: LossBatch) => tf.Scalar): Differentiated {
  return tf.tidy(() => {
    const { value, grads } = tf.valueAndGrads((features: tf.Tensor, weights: tf.Tensor) =>
      loss(lossBatch(features as tf.Tensor2D, weights as tf.Tensor2D, batch.labels)),
    )([tf.tensor2d(batch.features as number[][]), tf.tensor2d(batch.weights as number[][])]);
    return {
      value: value.dataSync()[0],
      features: grads[0].dataSync() as Float32Array,
      weights: grads[1].dataSync() as Float32Array,
    };
  });
}
