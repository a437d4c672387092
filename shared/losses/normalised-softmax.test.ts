import { beforeAll, describe, expect, test } from 'vitest';
import { expectAllClose } from '../../test/allclose.ts';
import { backends, startBackend } from '../../test/backends.ts';
import { cosine, differentiate, type PlainBatch, randomBatch } from '../../test/batches.ts';
import { centralDifferences } from '../../test/finite-differences.ts';
import { createRandom } from '../random.ts';
import { type NormalisedSoftmaxOptions, normalisedSoftmaxLoss } from './normalised-softmax.ts';

/** Cross-entropy against the smoothed target, with the probabilities written out. */
function slowSoftmax({ features, weights, labels }: PlainBatch, options: NormalisedSoftmaxOptions): number {
  const { scale, labelSmoothing = 0 } = options;
  const classes = weights.length;
  let total = 0;
  for (let i = 0; i < labels.length; i++) {
    const exponentials = weights.map((weight) => Math.exp(scale * cosine(features[i], weight)));
    const sum = exponentials.reduce((a, b) => a + b);
    for (let j = 0; j < classes; j++) {
      const target = (j === labels[i] ? 1 - labelSmoothing : 0) + labelSmoothing / classes;
      total -= target * Math.log(exponentials[j] / sum);
    }
  }
  return total / labels.length;
}

const LABELS = [0, 2, 1, 0, 4, 1, 2, 0];

const options: NormalisedSoftmaxOptions[] = [
  { scale: 1 },
  { scale: 10 },
  { scale: 32 },
  { scale: 1, labelSmoothing: 0.1 },
  { scale: 10, labelSmoothing: 0.3 },
];

describe.each(backends)('on %s', (backend) => {
  beforeAll(() => startBackend(backend));

  describe.each(options)('normalisedSoftmaxLoss of %o', (option) => {
    test.each([1, 2, 3])('value and gradients, batch %i', (seed) => {
      const batch = randomBatch(createRandom(seed), LABELS, 5, 6);
      const found = differentiate(batch, (b) => normalisedSoftmaxLoss(b, option));

      expectAllClose([found.value], [slowSoftmax(batch, option)], 1e-5);
      const { features, weights, labels } = batch;
      expectAllClose(
        found.features,
        centralDifferences((flat) => {
          const moved = features.map((_, i) => flat.slice(6 * i, 6 * i + 6));
          return slowSoftmax({ features: moved, weights, labels }, option);
        }, features.flat()),
        1e-5,
        'gradient of features',
      );
      expectAllClose(
        found.weights,
        centralDifferences((flat) => {
          const moved = weights.map((_, j) => flat.slice(6 * j, 6 * j + 6));
          return slowSoftmax({ features, weights: moved, labels }, option);
        }, weights.flat()),
        1e-5,
        'gradient of class weights',
      );
      expect(Math.max(...found.features.map(Math.abs))).toBeGreaterThan(1e-3);
    });
  });

  test('lengths of features and class weights change nothing', () => {
    const batch = randomBatch(createRandom(4), LABELS, 5, 6);
    const longer = {
      ...batch,
      features: batch.features.map((row, i) => row.map((value) => value * (i + 1))),
      weights: batch.weights.map((row, j) => row.map((value) => value / (j + 2))),
    };
    const value = (b: PlainBatch) => differentiate(b, (x) => normalisedSoftmaxLoss(x, { scale: 10 })).value;
    expectAllClose([value(longer)], [value(batch)], 1e-5);
  });

  test('a scale at which e^(s cos θ) overflows float32 gives numbers', () => {
    const batch = randomBatch(createRandom(5), LABELS, 5, 6);
    const found = differentiate(batch, (b) => normalisedSoftmaxLoss(b, { scale: 300 }));
    expectAllClose([found.value], [slowSoftmax(batch, { scale: 300 })], 1e-5);
    expect([...found.features, ...found.weights].every(Number.isFinite)).toBe(true);
  });

  test('a row of zeros is equally far from every class', () => {
    const { features, weights, labels } = randomBatch(createRandom(6), [0, 1], 5, 6);
    const batch = { features: [Array<number>(6).fill(0), features[1]], weights, labels };
    const found = differentiate(batch, (b) => normalisedSoftmaxLoss(b, { scale: 10 }));
    const other = slowSoftmax({ features: [features[1]], weights, labels: [1] }, { scale: 10 });
    expectAllClose([found.value], [(Math.log(5) + other) / 2], 1e-5);
    expect([...found.features, ...found.weights].every(Number.isFinite)).toBe(true);
  });
});
