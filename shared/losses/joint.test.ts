import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { expectAllClose } from '../../test/allclose.ts';
import { backends, startBackend } from '../../test/backends.ts';
import { cosine, differentiate, type PlainBatch, randomBatch, sphereDistance } from '../../test/batches.ts';
import { centralDifferences } from '../../test/finite-differences.ts';
import { createRandom } from '../random.ts';
import { lossBatch } from './batch.ts';
import { jointLoss } from './joint.ts';

const SCALE = 10;

/** Softmax with scale 10, and SML over single samples: the two shortest sums. */
function slowParts({ features, weights, labels }: PlainBatch): { softmax: number; softMargin: number } {
  let softmax = 0;
  let softMargin = 0;
  for (const [i, label] of labels.entries()) {
    const exponentials = weights.map((weight) => Math.exp(SCALE * cosine(features[i], weight)));
    softmax -= Math.log(exponentials[label] / exponentials.reduce((a, b) => a + b));
    const distances = weights.map((weight) => sphereDistance(features[i], weight));
    const others = distances.filter((_, j) => j !== label);
    softMargin += Math.log(1 + Math.exp(distances[label] - Math.min(...others)));
  }
  return { softmax: softmax / labels.length, softMargin: softMargin / labels.length };
}

const LABELS = [0, 2, 1, 0, 2];
const options = (weight: number) => ({
  softmax: { scale: SCALE },
  softMargin: { scope: 'sample' as const },
  weight,
});

describe.each(backends)('on %s', (backend) => {
  beforeAll(() => startBackend(backend));

  test.each([0, 0.5, 3])('L = L_softmax + λ · L_SML with λ = %d', (weight) => {
    const batch = randomBatch(createRandom(1), LABELS, 3, 4);
    const total = (b: PlainBatch) => {
      const { softmax, softMargin } = slowParts(b);
      return softmax + weight * softMargin;
    };
    const found = differentiate(batch, (b) => jointLoss(b, options(weight)).total);

    expectAllClose([found.value], [total(batch)], 1e-5);
    const gradient = centralDifferences((flat) => {
      const features = LABELS.map((_, i) => flat.slice(4 * i, 4 * i + 4));
      return total({ ...batch, features });
    }, batch.features.flat());
    expectAllClose(found.features, gradient, 1e-5, 'gradient of features');
    const weightGradient = centralDifferences((flat) => {
      const weights = batch.weights.map((_, j) => flat.slice(4 * j, 4 * j + 4));
      return total({ ...batch, weights });
    }, batch.weights.flat());
    expectAllClose(found.weights, weightGradient, 1e-5, 'gradient of class weights');
  });

  test('the parts beside the total are those of the sum', () => {
    const batch = randomBatch(createRandom(2), LABELS, 3, 4);
    const parts = tf.tidy(() => {
      const features = tf.tensor2d(batch.features as number[][]);
      const { total, softmax, softMargin } = jointLoss(
        lossBatch(features, tf.tensor2d(batch.weights as number[][]), LABELS),
        options(2),
      );
      return [total, softmax, softMargin].map((part) => part.dataSync()[0]);
    });
    const { softmax, softMargin } = slowParts(batch);
    expectAllClose(parts, [softmax + 2 * softMargin, softmax, softMargin], 1e-5);
  });

  test('leaves no tensor behind', () => {
    const batch = randomBatch(createRandom(3), LABELS, 3, 4);
    const before = tf.memory().numTensors;
    differentiate(batch, (b) => jointLoss(b, options(1)).total);
    expect(tf.memory().numTensors).toBe(before);
  });
});
