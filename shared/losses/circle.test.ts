import { beforeAll, describe, expect, test } from 'vitest';
import { expectAllClose } from '../../test/allclose.ts';
import { backends, startBackend } from '../../test/backends.ts';
import { cosine, differentiate, expectDerivation, type PlainBatch, randomBatch } from '../../test/batches.ts';
import { createRandom } from '../random.ts';
import { circleLoss } from './circle.ts';

// Class 4 has one sample, which has no positive among the pairs.
const LABELS = [0, 2, 1, 0, 4, 1, 2, 0];

/** Similarities of sample i to its positives and to its negatives. */
function relations({ features, weights, labels }: PlainBatch, level: 'pairs' | 'classes', i: number) {
  const positives: number[] = [];
  const negatives: number[] = [];
  if (level === 'classes') {
    for (const [j, weight] of weights.entries()) {
      (j === labels[i] ? positives : negatives).push(cosine(features[i], weight));
    }
  } else {
    for (const [j, feature] of features.entries()) {
      if (j !== i) (labels[j] === labels[i] ? positives : negatives).push(cosine(features[i], feature));
    }
  }
  return { positives, negatives };
}

/**
 * The formula over explicit pairs. Its factors α are those of the batch `at`: constants, while the other
 * batch moves.
 */
function slowCircle(
  batch: PlainBatch,
  at: PlainBatch,
  level: 'pairs' | 'classes',
  margin: number,
  scale: number,
): number {
  let total = 0;
  let counted = 0;
  for (let i = 0; i < batch.labels.length; i++) {
    const { positives, negatives } = relations(batch, level, i);
    if (positives.length === 0 || negatives.length === 0) continue;
    const fixed = relations(at, level, i);
    let overNegatives = 0;
    for (const [n, s] of negatives.entries()) {
      overNegatives += Math.exp(scale * Math.max(0, fixed.negatives[n] + margin) * (s - margin));
    }
    let overPositives = 0;
    for (const [p, s] of positives.entries()) {
      overPositives += Math.exp(-scale * Math.max(0, 1 + margin - fixed.positives[p]) * (s - 1 + margin));
    }
    total += Math.log(1 + overNegatives * overPositives);
    counted++;
  }
  return total / counted;
}

describe.each(backends)('circleLoss on %s', (backend) => {
  beforeAll(() => startBackend(backend));

  test.each([
    ['pairs', 0.25, 8],
    ['pairs', 0.4, 80],
    ['classes', 0.25, 16],
    ['classes', 0.25, 128],
  ] as const)('value and gradients of %s, m = %d, γ = %d', async (level, margin, scale) => {
    const batch = randomBatch(createRandom(1), LABELS, 5, 6);
    await expectDerivation(
      batch,
      (b) => circleLoss(b, { level, margin, scale }),
      (b) => slowCircle(b, batch, level, margin, scale),
      { moves: level === 'pairs' ? ['features'] : ['features', 'weights'], tolerance: 5e-5 },
    );
  });

  test('a sample without a positive counts nothing', async () => {
    const drawn = randomBatch(createRandom(2), LABELS, 5, 6);
    const settings = { level: 'pairs', margin: 0.25, scale: 8 } as const;
    const { features } = await differentiate(drawn, (b) => circleLoss(b, settings));
    const alone = await differentiate({ ...drawn, labels: [0, 1, 2, 3, 4, 1, 2, 0] }, (b) =>
      circleLoss(b, settings),
    );
    expect(alone.value).not.toBe(0);
    // It is a negative of the others, and so it moves.
    expect(Math.max(...features.subarray(24, 30).map(Math.abs))).toBeGreaterThan(1e-4);
  });

  test('exponents beyond float32 give numbers', async () => {
    const batch = randomBatch(createRandom(3), LABELS, 5, 6);
    const settings = { level: 'pairs', margin: 0.25, scale: 2000 } as const;
    const found = await differentiate(batch, (b) => circleLoss(b, settings));
    expect([found.value, ...found.features].every(Number.isFinite)).toBe(true);
    expectAllClose([Math.sign(found.value)], [1], 0);
  });
});
