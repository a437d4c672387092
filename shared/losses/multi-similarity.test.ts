import { beforeAll, describe, expect, test } from 'vitest';
import { backends, startBackend } from '../../test/backends.ts';
import { cosine, differentiate, expectDerivation, type PlainBatch, randomBatch } from '../../test/batches.ts';
import { createRandom } from '../random.ts';
import { multiSimilarityLoss } from './multi-similarity.ts';

const LABELS = [0, 2, 1, 0, 4, 1, 2, 0];

interface Settings {
  readonly positiveScale: number;
  readonly negativeScale: number;
  readonly threshold: number;
  readonly mining: 'off' | number;
}

/** One anchor after the other: its pairs, those of them that are mined, and the two logarithms. */
function slowMultiSimilarity({ features, labels }: PlainBatch, settings: Settings): number {
  const { positiveScale, negativeScale, threshold, mining } = settings;
  let total = 0;
  for (const [i, label] of labels.entries()) {
    const positives: number[] = [];
    const negatives: number[] = [];
    for (const [k, feature] of features.entries()) {
      if (k !== i) (labels[k] === label ? positives : negatives).push(cosine(features[i], feature));
    }
    let positiveSum = 0;
    for (const s of positives) {
      const mined = mining === 'off' || negatives.some((negative) => s - mining < negative);
      if (mined) positiveSum += Math.exp(-positiveScale * (s - threshold));
    }
    let negativeSum = 0;
    for (const s of negatives) {
      const mined = mining === 'off' || positives.some((positive) => s + mining > positive);
      if (mined) negativeSum += Math.exp(negativeScale * (s - threshold));
    }
    total += Math.log(1 + positiveSum) / positiveScale + Math.log(1 + negativeSum) / negativeScale;
  }
  return total / labels.length;
}

const paper: Settings = { positiveScale: 2, negativeScale: 50, threshold: 1, mining: 0.1 };

describe.each(backends)('multiSimilarityLoss on %s', (backend) => {
  beforeAll(() => startBackend(backend));

  test.each<Settings>([
    paper,
    { ...paper, threshold: 0.5 },
    { ...paper, threshold: 0.5, mining: 'off' },
    { positiveScale: 2, negativeScale: 10, threshold: 0, mining: 0 },
  ])('value and gradients of %o', async (setting) => {
    for (const seed of [1, 2]) {
      const batch = randomBatch(createRandom(seed), LABELS, 5, 6);
      await expectDerivation(
        batch,
        (b) => multiSimilarityLoss(b, setting),
        (b) => slowMultiSimilarity(b, setting),
        { moves: ['features'], tolerance: 2e-5 },
      );
    }
  });

  test('mining leaves out the pairs that are easy', async () => {
    // Two tight classes at a right angle: every pair is further from the other kind than ε.
    const batch = {
      ...randomBatch(createRandom(3), [0, 0, 1, 1], 2, 2),
      features: [
        [1, 0],
        [1, 0.01],
        [0, 1],
        [0.01, 1],
      ],
    };
    const mined = await differentiate(batch, (b) => multiSimilarityLoss(b, paper));
    expect(mined.value).toBe(0);
    const all = await differentiate(batch, (b) => multiSimilarityLoss(b, { ...paper, mining: 'off' }));
    expect(all.value).toBeGreaterThan(0.1);
  });
});
