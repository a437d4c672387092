import { beforeAll, describe, expect, test } from 'vitest';
import { expectAllClose } from '../../test/allclose.ts';
import { backends, startBackend } from '../../test/backends.ts';
import { cosine, differentiate, expectDerivation, type PlainBatch, randomBatch } from '../../test/batches.ts';
import { createRandom } from '../random.ts';
import type { LossBatch } from './batch.ts';
import { normalisedSoftmaxLoss, normalisedSoftmaxSchema } from './normalised-softmax.ts';

interface NormalisedSoftmaxOptions {
  readonly scale: number;
  readonly labelSmoothing?: number;
}

const normalisedSoftmax = (batch: LossBatch, options: NormalisedSoftmaxOptions) =>
  normalisedSoftmaxLoss(batch, normalisedSoftmaxSchema.parse({ name: 'normalised-softmax', ...options }));

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
    test.each([1, 2, 3])('value and gradients, batch %i', async (seed) => {
      const batch = randomBatch(createRandom(seed), LABELS, 5, 6);
      await expectDerivation(
        batch,
        (b) => normalisedSoftmax(b, option),
        (b) => slowSoftmax(b, option),
        { moves: ['features', 'weights'] },
      );
    });
  });

  test('lengths of features and class weights change nothing', async () => {
    const batch = randomBatch(createRandom(4), LABELS, 5, 6);
    const longer = {
      ...batch,
      features: batch.features.map((row, i) => row.map((value) => value * (i + 1))),
      weights: batch.weights.map((row, j) => row.map((value) => value / (j + 2))),
    };
    const value = async (b: PlainBatch) =>
      (await differentiate(b, (x) => normalisedSoftmax(x, { scale: 10 }))).value;
    expectAllClose([await value(longer)], [await value(batch)], 1e-5);
  });

  test('a scale at which e^(s cos θ) overflows float32 gives numbers', async () => {
    const batch = randomBatch(createRandom(5), LABELS, 5, 6);
    const found = await differentiate(batch, (b) => normalisedSoftmax(b, { scale: 300 }));
    expectAllClose([found.value], [slowSoftmax(batch, { scale: 300 })], 1e-5);
    expect([...found.features, ...found.weights].every(Number.isFinite)).toBe(true);
  });

  test('a row of zeros is equally far from every class', async () => {
    const drawn = randomBatch(createRandom(6), [0, 1], 5, 6);
    const batch = { ...drawn, features: [Array<number>(6).fill(0), drawn.features[1]] };
    const found = await differentiate(batch, (b) => normalisedSoftmax(b, { scale: 10 }));
    const other = slowSoftmax({ ...drawn, features: [drawn.features[1]], labels: [1] }, { scale: 10 });
    expectAllClose([found.value], [(Math.log(5) + other) / 2], 1e-5);
    expect([...found.features, ...found.weights].every(Number.isFinite)).toBe(true);
  });
});
