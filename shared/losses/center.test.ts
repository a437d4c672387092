import { beforeAll, describe, expect, test } from 'vitest';
import { backends, startBackend } from '../../test/backends.ts';
import { differentiate, expectDerivation, type PlainBatch, randomBatch } from '../../test/batches.ts';
import { createRandom } from '../random.ts';
import { centerLoss } from './center.ts';

const LABELS = [0, 2, 1, 0, 4, 1, 2, 0];

/** Half the squared distance of each feature to its own centre, coordinate by coordinate. */
function slowCenter({ features, centres, labels }: PlainBatch): number {
  let total = 0;
  for (const [i, label] of labels.entries()) {
    for (let k = 0; k < features[i].length; k++) total += (features[i][k] - centres[label][k]) ** 2 / 2;
  }
  return total / labels.length;
}

describe.each(backends)('centerLoss on %s', (backend) => {
  beforeAll(() => startBackend(backend));

  test.each([1, 2, 3])('value and gradients, batch %i', async (seed) => {
    const batch = randomBatch(createRandom(seed), LABELS, 5, 6);
    await expectDerivation(batch, centerLoss, slowCenter, { moves: ['features', 'centres'] });
  });

  test('the centre of a class that is not in the batch stays', async () => {
    const { centres } = await differentiate(randomBatch(createRandom(4), LABELS, 5, 6), centerLoss);
    expect([...centres.subarray(18, 24)].map(Math.abs)).toEqual([0, 0, 0, 0, 0, 0]);
  });
});
