import { beforeAll, describe, expect, test } from 'vitest';
import { expectAllClose } from '../../test/allclose.ts';
import { backends, startBackend } from '../../test/backends.ts';
import {
  differentiate,
  distance,
  expectDerivation,
  type PlainBatch,
  randomBatch,
  sphereDistance,
} from '../../test/batches.ts';
import { createRandom } from '../random.ts';
import { tripletLoss } from './triplet.ts';

// Class 4 has one sample: no anchor, but a negative of the others.
const LABELS = [0, 2, 1, 0, 4, 1, 2, 0];

interface Settings {
  readonly margin: 'soft' | number;
  readonly sharpness: number;
  readonly normalised: boolean;
}

/** Every anchor against every other sample. */
function slowTriplet({ features, labels }: PlainBatch, { margin, sharpness, normalised }: Settings): number {
  const between = normalised ? sphereDistance : distance;
  let total = 0;
  let anchors = 0;
  for (let a = 0; a < labels.length; a++) {
    let positive = Number.NEGATIVE_INFINITY;
    let negative = Number.POSITIVE_INFINITY;
    for (let b = 0; b < labels.length; b++) {
      if (a === b) continue;
      const d = between(features[a], features[b]);
      if (labels[a] === labels[b]) positive = Math.max(positive, d);
      else negative = Math.min(negative, d);
    }
    if (!Number.isFinite(positive) || !Number.isFinite(negative)) continue;
    const difference = positive - negative;
    total +=
      margin === 'soft'
        ? Math.log(1 + Math.exp(sharpness * difference)) / sharpness
        : Math.max(0, margin + difference);
    anchors++;
  }
  return anchors === 0 ? 0 : total / anchors;
}

const settings: Settings[] = [
  { margin: 'soft', sharpness: 1, normalised: true },
  { margin: 'soft', sharpness: 8, normalised: true },
  { margin: 'soft', sharpness: 1, normalised: false },
  { margin: 0.3, sharpness: 1, normalised: true },
  { margin: 2, sharpness: 1, normalised: false },
  { margin: 0, sharpness: 1, normalised: true },
];

describe.each(backends)('tripletLoss on %s', (backend) => {
  beforeAll(() => startBackend(backend));

  test.each(settings)('value and gradients of %o', async (setting) => {
    for (const seed of [1, 2]) {
      const batch = randomBatch(createRandom(seed), LABELS, 5, 6);
      await expectDerivation(
        batch,
        (b) => tripletLoss(b, setting),
        (b) => slowTriplet(b, setting),
        { moves: ['features'], tolerance: 2e-5 },
      );
    }
  });

  test('an anchor needs a positive and a negative: without any the loss is zero', async () => {
    const drawn = randomBatch(createRandom(3), [0, 1, 2], 3, 4);
    for (const labels of [
      [0, 1, 2],
      [1, 1, 1],
    ]) {
      const found = await differentiate({ ...drawn, labels }, (b) => tripletLoss(b, settings[0]));
      expect(found.value).toBe(0);
      expect([...found.features].every((value) => value === 0)).toBe(true);
    }
  });

  test('a repeated negative takes its share of the gradient once', async () => {
    const drawn = randomBatch(createRandom(4), [0, 0, 1], 3, 4);
    const [a, b, c] = drawn.features;
    const once = await differentiate(drawn, (x) => tripletLoss(x, settings[0]));
    const twice = await differentiate({ ...drawn, features: [a, b, c, c], labels: [0, 0, 1, 2] }, (x) =>
      tripletLoss(x, settings[0]),
    );
    expectAllClose(twice.features.subarray(0, 8), once.features.subarray(0, 8), 1e-6);
  });
});
