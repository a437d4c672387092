import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { expectAllClose } from '../../test/allclose.ts';
import { backends, startBackend } from '../../test/backends.ts';
import { cosine, randomBatch } from '../../test/batches.ts';
import { read, readAll } from '../../test/read.ts';
import { createRandom } from '../random.ts';
import { LossBatch, LossError } from './batch.ts';

const lossBatch = (
  features: tf.Tensor2D,
  classWeights: tf.Tensor2D,
  labels: readonly number[] | Int32Array,
) => new LossBatch(features, labels, classWeights.shape[0], { classWeights });

/** The error that a batch of these shapes and labels is refused with. */
function refusal(features: [number, number], weights: [number, number], labels: number[]): LossError {
  let refused: LossError | undefined;
  tf.tidy(() => {
    try {
      lossBatch(tf.ones(features), tf.ones(weights), labels);
    } catch (error) {
      if (!(error instanceof LossError)) throw error;
      refused = error;
    }
  });
  if (refused === undefined) throw new Error('The batch was not refused.');
  return refused;
}

describe.each(backends)('LossBatch on %s', (backend) => {
  beforeAll(() => startBackend(backend));

  test.each([
    ['a list', [1, 0, 3]],
    ['an Int32Array', Int32Array.of(1, 0, 3)],
  ])('relates samples to class weights, with labels as %s', async (_, labels) => {
    const plain = randomBatch(createRandom(1), [1, 0, 3], 4, 5);
    const [found, membership, present] = await readAll(() => {
      const features = tf.tensor2d(plain.features as number[][]);
      const batch = lossBatch(features, tf.tensor2d(plain.weights as number[][]), labels);
      expect(batch.cosines.shape).toEqual([3, 4]);
      return [batch.cosines, batch.membership, batch.present];
    });
    const cosines = plain.features.flatMap((row) => plain.weights.map((weight) => cosine(row, weight)));
    expectAllClose(found, cosines, 1e-6, 'cosines');
    expect([...membership]).toEqual([0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1]);
    expect([...present]).toEqual([1, 1, 0, 1]);
  });

  test('relates samples to each other', async () => {
    const plain = randomBatch(createRandom(2), [1, 0, 1], 2, 5);
    const [found, positives, negatives] = await readAll(() => {
      const batch = new LossBatch(tf.tensor2d(plain.features as number[][]), [1, 0, 1], 2, {});
      return [batch.pairCosines, batch.positives, batch.negatives];
    });
    const cosines = plain.features.flatMap((a) => plain.features.map((b) => cosine(a, b)));
    expectAllClose(found, cosines, 1e-6, 'cosines');
    expect([...positives]).toEqual([0, 0, 1, 0, 0, 0, 1, 0, 0]);
    expect([...negatives]).toEqual([0, 1, 0, 1, 0, 1, 0, 1, 0]);
  });

  test('computes once what two losses need', () => {
    tf.tidy(() => {
      const batch = lossBatch(tf.ones([2, 3]), tf.ones([2, 3]), [0, 1]);
      expect(batch.cosines).toBe(batch.cosines);
      expect(batch.pairCosines).toBe(batch.pairCosines);
    });
  });

  test('very short and very long rows keep their direction', async () => {
    const short = [3e-8, 4e-8];
    const long = [3e15, 4e15];
    const axes = [
      [1, 0],
      [0, 1],
    ];
    const cosines = await read(
      () => lossBatch(tf.tensor2d([short, long]), tf.tensor2d(axes), [0, 1]).cosines,
    );
    expectAllClose(cosines, [0.6, 0.8, 0.6, 0.8], 1e-6, 'cosines');
  });

  test('a row of zeros has cosine 0 to everything', async () => {
    const features = [
      [0, 0],
      [1, 1],
    ];
    const weights = [
      [2, 0],
      [0, 0],
    ];
    const cosines = await read(() => lossBatch(tf.tensor2d(features), tf.tensor2d(weights), [0, 1]).cosines);
    expectAllClose(cosines, [0, 0, Math.SQRT1_2, 0], 1e-6, 'cosines');
  });
});

describe('LossBatch refuses', () => {
  beforeAll(() => startBackend('cpu'));

  test('a single class, which has no other', () => {
    expect(refusal([3, 2], [1, 2], [0, 0, 0]).message).toBe('There must be two classes or more, not 1.');
  });

  test('parameters of another number of classes', () => {
    const [features, classWeights] = [tf.ones([2, 3]), tf.ones([4, 3])] as [tf.Tensor2D, tf.Tensor2D];
    expect(() => new LossBatch(features, [0, 1], 5, { classWeights })).toThrow(
      'There are 5 classes; classWeights has 4.',
    );
    expect(() => new LossBatch(features, [0, 1], 4, { classWeights, classBias: tf.ones([3]) })).toThrow(
      'There are 4 classes; classBias has 3.',
    );
  });

  test('a loss whose parameter it was made without', () => {
    const batch = new LossBatch(tf.ones([2, 3]), [0, 1], 2, {});
    expect(() => batch.cosines).toThrow('The loss needs "classWeights".');
  });

  test.each([
    ['above', 4],
    ['below', -1],
    ['between', 1.5],
    ['beside', Number.NaN],
  ])('a label %s the classes, and says where', (_, label) => {
    expect(refusal([3, 2], [4, 2], [0, 1, label]).message).toBe(
      `The label of sample 2 is ${label}; there are classes 0 to 3.`,
    );
  });

  test('features and class weights of different dimensions', () => {
    expect(refusal([2, 3], [4, 2], [0, 1]).message).toBe('Features have 3 dimensions, classWeights 2.');
  });

  test('more or fewer labels than features', () => {
    expect(refusal([2, 2], [4, 2], [0, 1, 2]).message).toBe('2 features have 3 labels.');
    expect(refusal([2, 2], [4, 2], [0]).message).toBe('2 features have 1 labels.');
  });

  test('an empty batch', () => {
    expect(refusal([0, 2], [4, 2], []).message).toBe('The batch is empty.');
  });
});
