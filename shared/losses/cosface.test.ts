import { beforeAll, describe, expect, test } from 'vitest';
import { backends, startBackend } from '../../test/backends.ts';
import { cosine, differentiate, expectDerivation, type PlainBatch, randomBatch } from '../../test/batches.ts';
import { createRandom } from '../random.ts';
import { cosFaceLoss, cosFaceSchema } from './cosface.ts';
import { normalisedSoftmaxLoss } from './normalised-softmax.ts';

const LABELS = [0, 2, 1, 0, 4, 1, 2, 0];

/** The formula as the paper prints it. */
function slowCosFace({ features, weights, labels }: PlainBatch, scale: number, margin: number): number {
  let total = 0;
  for (const [i, label] of labels.entries()) {
    const own = Math.exp(scale * (cosine(features[i], weights[label]) - margin));
    let others = 0;
    for (let j = 0; j < weights.length; j++) {
      if (j !== label) others += Math.exp(scale * cosine(features[i], weights[j]));
    }
    total -= Math.log(own / (own + others));
  }
  return total / labels.length;
}

describe.each(backends)('cosFaceLoss on %s', (backend) => {
  beforeAll(() => startBackend(backend));

  test.each([
    [10, 0.2],
    [30, 0.35],
    [64, 0.35],
  ])('value and gradients, s = %d, m = %d', async (scale, margin) => {
    const batch = randomBatch(createRandom(scale), LABELS, 5, 6);
    await expectDerivation(
      batch,
      (b) => cosFaceLoss(b, { scale, margin }),
      (b) => slowCosFace(b, scale, margin),
      { moves: ['features', 'weights'], tolerance: 2e-5 },
    );
  });

  test('without a margin it is the normalised softmax', async () => {
    const batch = randomBatch(createRandom(4), LABELS, 5, 6);
    const found = await differentiate(batch, (b) => cosFaceLoss(b, { scale: 12, margin: 0 }));
    const softmax = await differentiate(batch, (b) =>
      normalisedSoftmaxLoss(b, { scale: 12, labelSmoothing: 0 }),
    );
    expect(found.value).toBe(softmax.value);
  });
});

test('the paper’s scale and margin by default', () => {
  expect(cosFaceSchema.parse({ name: 'cosface' })).toEqual({
    name: 'cosface',
    weight: 1,
    scale: 64,
    margin: 0.35,
  });
});
