import { beforeAll, describe, expect, test } from 'vitest';
import { backends, startBackend } from '../../test/backends.ts';
import { cosine, differentiate, expectDerivation, type PlainBatch, randomBatch } from '../../test/batches.ts';
import { createRandom } from '../random.ts';
import { arcFaceLoss } from './arcface.ts';

const LABELS = [0, 2, 1, 0, 4, 1, 2, 0];

/** The formula with its angle taken out of the arccosine, and insightface's line past π. */
function slowArcFace({ features, weights, labels }: PlainBatch, scale: number, margin: number): number {
  let total = 0;
  for (const [i, label] of labels.entries()) {
    const cosines = weights.map((weight) => cosine(features[i], weight));
    const angle = Math.acos(cosines[label]);
    const target =
      angle + margin <= Math.PI ? Math.cos(angle + margin) : cosines[label] - margin * Math.sin(margin);
    const own = Math.exp(scale * target);
    let others = 0;
    for (let j = 0; j < weights.length; j++) if (j !== label) others += Math.exp(scale * cosines[j]);
    total -= Math.log(own / (own + others));
  }
  return total / labels.length;
}

describe.each(backends)('arcFaceLoss on %s', (backend) => {
  beforeAll(() => startBackend(backend));

  test.each([
    [10, 0.2],
    [30, 0.5],
    [64, 0.5],
  ])('value and gradients, s = %d, m = %d', async (scale, margin) => {
    const batch = randomBatch(createRandom(scale), LABELS, 5, 6);
    await expectDerivation(
      batch,
      (b) => arcFaceLoss(b, { scale, margin }),
      (b) => slowArcFace(b, scale, margin),
      { moves: ['features', 'weights'], tolerance: 2e-5 },
    );
  });

  test('a sample further than π − m from its class weight is on the reference’s line', async () => {
    const drawn = randomBatch(createRandom(4), [0, 1], 3, 6);
    const away = drawn.weights[0].map((value, k) => 0.1 * drawn.features[0][k] - value);
    const batch = { ...drawn, features: [away, drawn.features[1]] };
    expect(Math.acos(cosine(away, drawn.weights[0]))).toBeGreaterThan(Math.PI - 0.5);
    await expectDerivation(
      batch,
      (b) => arcFaceLoss(b, { scale: 10, margin: 0.5 }),
      (b) => slowArcFace(b, 10, 0.5),
      { moves: ['features', 'weights'] },
    );
  });

  test.each([1, -1])('a sample on its class weight, times %d, still moves by finite steps', async (sign) => {
    const drawn = randomBatch(createRandom(5), [0, 1], 3, 6);
    const batch = { ...drawn, features: drawn.weights.slice(0, 2).map((row) => row.map((v) => sign * v)) };
    const found = await differentiate(batch, (b) => arcFaceLoss(b, { scale: 10, margin: 0.5 }));
    expect(found.features.every(Number.isFinite)).toBe(true);
    expect(Math.max(...found.features.map(Math.abs))).toBeGreaterThan(1e-4);
    expect(Math.max(...found.features.map(Math.abs))).toBeLessThan(100);
  });
});
