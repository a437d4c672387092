import { beforeAll, describe, expect, test } from 'vitest';
import { backends, startBackend } from '../../test/backends.ts';
import { differentiate, expectDerivation, type PlainBatch, randomBatch } from '../../test/batches.ts';
import { createRandom } from '../random.ts';
import { softmaxLoss } from './softmax.ts';

const LABELS = [0, 2, 1, 0, 4, 1, 2, 0];

/** Cross-entropy of w · f + b, the probabilities written out. */
function slowSoftmax({ features, weights, biases, labels }: PlainBatch, labelSmoothing: number): number {
  let total = 0;
  for (const [i, label] of labels.entries()) {
    const exponentials = weights.map((weight, j) => {
      let logit = biases[j];
      for (let k = 0; k < weight.length; k++) logit += weight[k] * features[i][k];
      return Math.exp(logit);
    });
    const sum = exponentials.reduce((a, b) => a + b);
    for (let j = 0; j < weights.length; j++) {
      const target = (j === label ? 1 - labelSmoothing : 0) + labelSmoothing / weights.length;
      total -= target * Math.log(exponentials[j] / sum);
    }
  }
  return total / labels.length;
}

describe.each(backends)('softmaxLoss on %s', (backend) => {
  beforeAll(() => startBackend(backend));

  test.each([0, 0.1])('value and gradients, label smoothing %d', async (labelSmoothing) => {
    for (const seed of [1, 2]) {
      const batch = randomBatch(createRandom(seed), LABELS, 5, 6);
      await expectDerivation(
        batch,
        (b) => softmaxLoss(b, { labelSmoothing }),
        (b) => slowSoftmax(b, labelSmoothing),
        { moves: ['features', 'weights', 'biases'] },
      );
    }
  });

  test('logits at which the exponential overflows float32 give numbers', async () => {
    const drawn = randomBatch(createRandom(3), LABELS, 5, 6);
    const batch = { ...drawn, features: drawn.features.map((row) => row.map((value) => 100 * value)) };
    const found = await differentiate(batch, (b) => softmaxLoss(b, { labelSmoothing: 0 }));
    expect([found.value, ...found.features, ...found.weights].every(Number.isFinite)).toBe(true);
  });
});
