import { beforeAll, describe, expect, test } from 'vitest';
import { backends, startBackend } from '../../test/backends.ts';
import { expectFinite, type PlainBatch, randomBatch } from '../../test/batches.ts';
import { createRandom } from '../random.ts';
import { lossNames, lossOfTerm, lossTermSchema } from './terms.ts';

const opposite = (row: readonly number[]) => row.map((value) => -value);

const drawn = (labels: readonly number[]) => randomBatch(createRandom(1), labels, 3, 4);

/** Batches that a sampler, a broken data set or the first step may well give. */
const batches: [string, PlainBatch][] = [
  ['one class only', drawn([1, 1, 1])],
  ['one picture only', drawn([1])],
  ['a class with one picture', drawn([0, 0, 0, 2])],
  ['one picture of each class', drawn([0, 1, 2])],
  [
    'identical pictures in one class and in two',
    { ...drawn([0, 0, 1, 1]), features: Array(4).fill([1, 2, 3, -4]) },
  ],
  [
    'opposite vectors in a class',
    { ...drawn([0, 0, 1]), features: [[1, 2, 3, 4], opposite([1, 2, 3, 4]), [4, -3, 2, -1]] },
  ],
  [
    'features on their class weights, on others and opposite to them',
    {
      ...drawn([0, 0, 1, 2]),
      features: [0, 1, 1, 2].map((c, i) =>
        i === 3 ? opposite(drawn([0]).weights[c]) : drawn([0]).weights[c],
      ),
    },
  ],
  ['class weights that coincide', { ...drawn([0, 1, 2]), weights: Array(3).fill([1, 0, 0, 1]) }],
  ['features of zeros', { ...drawn([0, 0, 1, 2]), features: Array(4).fill([0, 0, 0, 0]) }],
  [
    'very long features',
    { ...drawn([0, 0, 1]), features: drawn([0, 0, 1]).features.map((row) => row.map((v) => 1e4 * v)) },
  ],
];

const terms = [
  ...lossNames.map((name) => lossTermSchema.parse({ name })),
  lossTermSchema.parse({ name: 'circle', level: 'classes', margin: 0.25, scale: 256 }),
  lossTermSchema.parse({ name: 'triplet', margin: 0.3, normalised: false }),
  lossTermSchema.parse({ name: 'msml', margin: 'soft', normalised: false }),
  lossTermSchema.parse({ name: 'multi-similarity', mining: 'off' }),
];

describe.each(backends)('on %s', (backend) => {
  beforeAll(() => startBackend(backend));

  describe.each(terms)('$name of %o', (term) => {
    test.each(batches)('%s: finite value and gradients, and no loss below zero', async (_, batch) => {
      const { value } = await expectFinite(batch, (b) => lossOfTerm(term, b));
      expect(value).toBeGreaterThanOrEqual(0);
    });
  });
});
