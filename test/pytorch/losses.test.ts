import { beforeAll, describe, test } from 'vitest';
import { type LossTerm, lossOfTerm, lossTermSchema } from '../../shared/losses/terms.ts';
import { createRandom } from '../../shared/random.ts';
import { expectAllClose } from '../allclose.ts';
import { backends, startBackend } from '../backends.ts';
import { differentiate, type PlainBatch, randomBatch } from '../batches.ts';
import { hasPyTorch, runScript } from './pytorch.ts';

const terms: readonly LossTerm[] = [
  ...(['class', 'sample', 'batch'] as const).flatMap((scope) => [
    { name: 'soft-margin', scope },
    { name: 'soft-margin', scope, sharpness: 4 },
    { name: 'circle-based-ratio', scope },
  ]),
  { name: 'normalised-softmax' },
  { name: 'normalised-softmax', scale: 24, labelSmoothing: 0.1 },
  { name: 'softmax' },
  { name: 'softmax', labelSmoothing: 0.1 },
  { name: 'center' },
  { name: 'cosface' },
  { name: 'cosface', scale: 30, margin: 0.2 },
  { name: 'arcface' },
  { name: 'arcface', scale: 30, margin: 1.2 },
  { name: 'circle' },
  { name: 'circle', level: 'classes', margin: 0.25, scale: 64 },
  ...['triplet', 'msml'].flatMap((name) => [
    { name, margin: 'soft' },
    { name, margin: 'soft', sharpness: 3 },
    { name, margin: 0.3 },
    { name, margin: 0.3, normalised: false },
    { name, margin: 'soft', normalised: false },
  ]),
  { name: 'proxy-anchor' },
  { name: 'multi-similarity' },
  { name: 'multi-similarity', threshold: 1 },
  { name: 'multi-similarity', mining: 'off' },
].map((term) => lossTermSchema.parse(term));

/** Classes with one sample, two and more, and two without any. */
const LABELS = [0, 2, 1, 0, 4, 1, 2, 0, 5, 5, 5, 2, 1, 0, 6, 6];
const CLASSES = 8;

const batches = [1, 2, 3].map((seed) => randomBatch(createRandom(seed), LABELS, CLASSES, 12));

const cases = terms.flatMap((term) => batches.map((batch) => ({ term, batch })));

interface Answer {
  readonly value: number;
  readonly gradients: Readonly<
    Record<'features' | 'classWeights' | 'classBias' | 'centres', readonly number[]>
  >;
}

const asGiven = ({ term, batch }: { term: LossTerm; batch: PlainBatch }) => ({
  ...{ term, features: batch.features, labels: batch.labels, centres: batch.centres },
  ...{ classWeights: batch.weights, classBias: batch.biases },
});

describe.skipIf(!hasPyTorch)('PyTorch and autograd', () => {
  let answers: readonly Answer[];

  beforeAll(() => {
    answers = JSON.parse(runScript('losses.py', [], JSON.stringify(cases.map(asGiven))));
  }, 120_000);

  describe.each(backends)('on %s', (backend) => {
    beforeAll(() => startBackend(backend));

    test.each(terms)('give the value and the gradients of %o', async (term) => {
      for (const [index, { batch }] of cases.entries()) {
        if (cases[index].term !== term) continue;
        const { value, gradients } = answers[index];
        const found = await differentiate(batch, (of) => lossOfTerm(term, of));
        expectAllClose([found.value], [value], 1e-5, 'value');
        expectAllClose(found.features, gradients.features, 1e-5, 'gradient of the features');
        expectAllClose(found.weights, gradients.classWeights, 1e-5, 'gradient of the class weights');
        expectAllClose(found.biases, gradients.classBias, 1e-5, 'gradient of the class biases');
        expectAllClose(found.centres, gradients.centres, 1e-5, 'gradient of the centres');
      }
    });
  });
});
