import { beforeAll, describe, expect, test } from 'vitest';
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
import { msmlLoss } from './msml.ts';

const LABELS = [0, 2, 1, 0, 4, 1, 2, 0];

interface Settings {
  readonly margin: 'soft' | number;
  readonly sharpness: number;
  readonly normalised: boolean;
}

/** The furthest of all positive pairs against the nearest of all negative ones. */
function slowMsml({ features, labels }: PlainBatch, { margin, sharpness, normalised }: Settings): number {
  const between = normalised ? sphereDistance : distance;
  let positive = 0;
  let negative = Number.POSITIVE_INFINITY;
  for (let a = 0; a < labels.length; a++) {
    for (let b = a + 1; b < labels.length; b++) {
      const d = between(features[a], features[b]);
      if (labels[a] === labels[b]) positive = Math.max(positive, d);
      else negative = Math.min(negative, d);
    }
  }
  const difference = positive - negative;
  return margin === 'soft'
    ? Math.log(1 + Math.exp(sharpness * difference)) / sharpness
    : Math.max(0, margin + difference);
}

describe.each(backends)('msmlLoss on %s', (backend) => {
  beforeAll(() => startBackend(backend));

  test.each<Settings>([
    { margin: 0.3, sharpness: 1, normalised: true },
    { margin: 0.3, sharpness: 1, normalised: false },
    { margin: 'soft', sharpness: 1, normalised: true },
    { margin: 'soft', sharpness: 4, normalised: false },
  ])('value and gradients of %o', async (setting) => {
    for (const seed of [1, 2]) {
      const batch = randomBatch(createRandom(seed), LABELS, 5, 6);
      await expectDerivation(
        batch,
        (b) => msmlLoss(b, setting),
        (b) => slowMsml(b, setting),
        { moves: ['features'], tolerance: 2e-5 },
      );
    }
  });

  test('only the samples of the two hardest pairs move', async () => {
    const batch = randomBatch(createRandom(3), LABELS, 5, 6);
    const { features } = await differentiate(batch, (b) =>
      msmlLoss(b, { margin: 0.3, sharpness: 1, normalised: true }),
    );
    const moved = LABELS.filter((_, i) => features.subarray(6 * i, 6 * i + 6).some((value) => value !== 0));
    expect(moved.length).toBeGreaterThanOrEqual(3);
    expect(moved.length).toBeLessThanOrEqual(4);
  });

  test.each([
    ['positive', [0, 1, 2]],
    ['negative', [1, 1, 1]],
  ])('zero without a %s pair', async (_, labels) => {
    const drawn = randomBatch(createRandom(4), labels, 3, 4);
    const found = await differentiate(drawn, (b) =>
      msmlLoss(b, { margin: 0.3, sharpness: 1, normalised: true }),
    );
    expect(found.value).toBe(0);
    expect([...found.features].every((value) => value === 0)).toBe(true);
  });
});
