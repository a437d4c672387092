import { beforeAll, describe, test } from 'vitest';
import { expectAllClose } from '../../test/allclose.ts';
import { backends, startBackend } from '../../test/backends.ts';
import { cosine, differentiate, expectDerivation, type PlainBatch, randomBatch } from '../../test/batches.ts';
import { createRandom } from '../random.ts';
import { proxyAnchorLoss } from './proxy-anchor.ts';

// Class 3 has no sample: its proxy only pushes.
const LABELS = [0, 2, 1, 0, 4, 1, 2, 0];

/** One proxy after the other, as the paper's equation (4) reads. */
function slowProxyAnchor({ features, weights, labels }: PlainBatch, margin: number, scale: number): number {
  let pull = 0;
  let push = 0;
  let present = 0;
  for (const [proxy, weight] of weights.entries()) {
    let positives = 0;
    let negatives = 0;
    for (const [i, label] of labels.entries()) {
      const s = cosine(features[i], weight);
      if (label === proxy) positives += Math.exp(-scale * (s - margin));
      else negatives += Math.exp(scale * (s + margin));
    }
    if (labels.includes(proxy)) {
      present++;
      pull += Math.log(1 + positives);
    }
    push += Math.log(1 + negatives);
  }
  return pull / present + push / weights.length;
}

describe.each(backends)('proxyAnchorLoss on %s', (backend) => {
  beforeAll(() => startBackend(backend));

  test.each([
    [0.1, 32],
    [0.1, 4],
    [0, 16],
  ])('value and gradients, δ = %d, α = %d', async (margin, scale) => {
    for (const seed of [1, 2]) {
      const batch = randomBatch(createRandom(seed), LABELS, 5, 6);
      await expectDerivation(
        batch,
        (b) => proxyAnchorLoss(b, { margin, scale }),
        (b) => slowProxyAnchor(b, margin, scale),
        { moves: ['features', 'weights'], tolerance: 2e-5 },
      );
    }
  });

  test('a proxy whose class is the whole batch pushes nothing', async () => {
    const batch = randomBatch(createRandom(3), [1, 1, 1], 3, 4);
    const found = await differentiate(batch, (b) => proxyAnchorLoss(b, { margin: 0.1, scale: 32 }));
    expectAllClose([found.value], [slowProxyAnchor(batch, 0.1, 32)], 1e-5);
  });
});
