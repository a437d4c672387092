import { beforeAll, describe, expect, test } from 'vitest';
import { backends, startBackend } from '../../test/backends.ts';
import { expectDerivation, type PlainBatch, randomBatch, sphereDistance, unit } from '../../test/batches.ts';
import { createRandom } from '../random.ts';
import { circleBasedRatioLoss } from './circle-based-ratio.ts';
import { type ExtremesScope, extremesScopes } from './class-extremes.ts';

const LABELS = [0, 2, 1, 0, 4, 1, 2, 0];

/** The ratio of the largest distance to the own weight to the smallest to another, group by group. */
function slowRatio({ features, weights, labels }: PlainBatch, scope: ExtremesScope): number {
  const indices = labels.map((_, i) => i);
  const groups = {
    sample: indices.map((i) => [i]),
    class: [...new Set(labels)].map((c) => indices.filter((i) => labels[i] === c)),
    batch: [indices],
  }[scope];
  let total = 0;
  for (const group of groups) {
    let furthest = 0;
    let nearest = Number.POSITIVE_INFINITY;
    for (const i of group) {
      for (let j = 0; j < weights.length; j++) {
        const d = sphereDistance(features[i], weights[j]);
        if (j === labels[i]) furthest = Math.max(furthest, d);
        else nearest = Math.min(nearest, d);
      }
    }
    total += furthest / (nearest + 0.01);
  }
  return total / groups.length;
}

describe.each(backends)('circleBasedRatioLoss on %s', (backend) => {
  beforeAll(() => startBackend(backend));

  test.each(extremesScopes)('value and gradients, scope %s', async (scope) => {
    for (const seed of [1, 2]) {
      const batch = randomBatch(createRandom(seed), LABELS, 5, 6);
      await expectDerivation(
        batch,
        (b) => circleBasedRatioLoss(b, { scope }),
        (b) => slowRatio(b, scope),
        { moves: ['features', 'weights'] },
      );
    }
  });

  test('a sample almost on another class’s weight is pushed off by a gradient that stays in bounds', async () => {
    const drawn = randomBatch(createRandom(3), [0, 1], 3, 6);
    const offset = unit(drawn.features[0]).map((value) => 0.02 * value);
    const near = unit(drawn.weights[2]).map((value, k) => value + offset[k]);
    const batch = { ...drawn, features: [near, drawn.features[1]] };
    expect(sphereDistance(near, drawn.weights[2])).toBeLessThan(0.05);
    await expectDerivation(
      batch,
      (b) => circleBasedRatioLoss(b, { scope: 'class' }),
      (b) => slowRatio(b, 'class'),
      // Near a distance of zero, the rounding of the cosine is a larger part of it.
      { moves: ['features', 'weights'], tolerance: 2e-3 },
    );
  });
});
