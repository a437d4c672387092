import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { expectAllClose } from '../../test/allclose.ts';
import { backends, startBackend } from '../../test/backends.ts';
import { cosine, distance, type PlainBatch, randomBatch, sphereDistance } from '../../test/batches.ts';
import { centralDifferences } from '../../test/finite-differences.ts';
import { readAll } from '../../test/read.ts';
import { createRandom } from '../random.ts';
import { ComposedLoss } from './composed.ts';
import { initialLossParameter } from './parameters.ts';
import { lossNames, lossTermSchema, lossTermsSchema } from './terms.ts';

const SCALE = 10;
const LABELS = [0, 2, 1, 0, 2];

/** Softmax with scale 10, SML over single samples, and center loss: the three shortest sums. */
function slowParts({ features, weights, centres, labels }: PlainBatch): number[] {
  let softmax = 0;
  let softMargin = 0;
  let center = 0;
  for (const [i, label] of labels.entries()) {
    const exponentials = weights.map((weight) => Math.exp(SCALE * cosine(features[i], weight)));
    softmax -= Math.log(exponentials[label] / exponentials.reduce((a, b) => a + b));
    const distances = weights.map((weight) => sphereDistance(features[i], weight));
    const others = distances.filter((_, j) => j !== label);
    softMargin += Math.log(1 + Math.exp(distances[label] - Math.min(...others)));
    center += distance(features[i], centres[label]) ** 2 / 2;
  }
  return [softmax, softMargin, center].map((sum) => sum / labels.length);
}

const termsWith = (weight: number) =>
  lossTermsSchema.parse([
    { name: 'normalised-softmax', scale: SCALE },
    { name: 'soft-margin', scope: 'sample', weight },
    { name: 'center', weight: 0.5 },
  ]);

describe.each(backends)('on %s', (backend) => {
  beforeAll(() => startBackend(backend));

  test.each([0, 0.5, 3])(
    'the sum of the terms by their weights, inside variableGrads, λ = %d',
    async (weight) => {
      const plain = randomBatch(createRandom(1), LABELS, 3, 4);
      const loss = new ComposedLoss(termsWith(weight), 3, 4);
      const sum = (batch: PlainBatch) => {
        const [softmax, softMargin, center] = slowParts(batch);
        return softmax + weight * softMargin + 0.5 * center;
      };
      const fields = ['features', 'weights', 'centres'] as const;
      const before = tf.memory().numTensors;
      const variables = fields.map((field) =>
        tf.tidy(() => tf.variable(tf.tensor2d(plain[field] as number[][]))),
      );
      const [[total], parts, ...gradients] = await readAll(() => {
        const [features, classWeights, centres] = variables;
        let parts: tf.Tensor | undefined;
        const { value, grads } = tf.variableGrads(() => {
          const found = loss.evaluate(features as tf.Tensor2D, LABELS, { classWeights, centres });
          expect([...found.parts.keys()]).toEqual(['normalised-softmax', 'soft-margin', 'center']);
          parts = tf.keep(tf.stack([...found.parts.values()]));
          return found.total;
        }, variables);
        return [value, parts as tf.Tensor, ...variables.map(({ name }) => grads[name])];
      });
      expectAllClose([total], [sum(plain)], 1e-5, 'total');
      expectAllClose(parts, slowParts(plain), 1e-5, 'parts');
      for (const [index, field] of fields.entries()) {
        const expected = centralDifferences(
          (flat) => sum({ ...plain, [field]: plain[field].map((_, i) => flat.slice(4 * i, 4 * i + 4)) }),
          plain[field].flat(),
        );
        expectAllClose(gradients[index], expected, 1e-5, `gradient of ${field}`);
      }
      tf.dispose(variables);
      expect(tf.memory().numTensors).toBe(before);
    },
  );

  test.each(lossNames)('%s leaves no tensor behind', (name) => {
    const loss = new ComposedLoss([lossTermSchema.parse({ name })], 3, 4);
    const { features } = randomBatch(createRandom(3), LABELS, 3, 4);
    const parameters = Object.fromEntries(
      loss.parameters.map((parameter) => [
        parameter.name,
        tf.variable(tf.tensor(initialLossParameter(parameter, createRandom(4)), parameter.shape as number[])),
      ]),
    );
    const embeddings = tf.variable(tf.tensor2d(features as number[][]));
    const before = tf.memory().numTensors;
    const variables = [embeddings, ...Object.values(parameters)];
    const { value, grads } = tf.variableGrads(
      () => loss.evaluate(embeddings as tf.Tensor2D, LABELS, parameters).total,
      variables,
    );
    expect(Object.keys(grads).length, 'every parameter that is asked for is used').toBe(variables.length);
    tf.dispose([value, grads]);
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose(variables);
  });
});

describe('parameters', () => {
  const namesOf = (...terms: object[]) =>
    new ComposedLoss(lossTermsSchema.parse(terms), 7, 16).parameters.map(({ name }) => name);

  test('terms share the class weights', () => {
    expect(
      namesOf({ name: 'normalised-softmax' }, { name: 'soft-margin' }, { name: 'proxy-anchor' }),
    ).toEqual(['classWeights']);
    expect(namesOf({ name: 'softmax' }, { name: 'center' }, { name: 'cosface' })).toEqual([
      'classWeights',
      'classBias',
      'centres',
    ]);
  });

  test('losses on pairs need none, unless they are told to compare to classes', () => {
    expect(namesOf({ name: 'triplet' }, { name: 'msml' }, { name: 'multi-similarity' })).toEqual([]);
    expect(namesOf({ name: 'circle' })).toEqual([]);
    expect(namesOf({ name: 'circle', level: 'classes' })).toEqual(['classWeights']);
  });

  test('shapes, and where they start', () => {
    const { parameters } = new ComposedLoss(
      lossTermsSchema.parse([{ name: 'softmax' }, { name: 'center' }]),
      200,
      64,
    );
    expect(parameters.map(({ shape }) => shape)).toEqual([[200, 64], [200], [200, 64]]);
    const [weights, bias] = parameters.map((parameter) => initialLossParameter(parameter, createRandom(1)));
    expect(new Set(bias)).toEqual(new Set([0]));
    const variance = weights.reduce((sum, value) => sum + value * value, 0) / weights.length;
    // Rows of unit length on average, within the standard error of 12,800 draws.
    expect(Math.abs(64 * variance - 1)).toBeLessThan(4 * Math.sqrt(2 / weights.length));
    expect(initialLossParameter(parameters[0], createRandom(1))).toEqual(weights);
  });
});

describe('terms', () => {
  const refusal = (value: unknown) => lossTermsSchema.safeParse(value).error?.issues[0];

  test('what is left out takes its default', () => {
    expect(lossTermSchema.parse({ name: 'soft-margin' })).toEqual({
      name: 'soft-margin',
      weight: 1,
      scope: 'class',
      sharpness: 1,
    });
    expect(lossTermSchema.parse({ name: 'arcface', margin: 0.2 })).toEqual({
      name: 'arcface',
      weight: 1,
      scale: 64,
      margin: 0.2,
    });
  });

  test('a name twice, a loss that does not exist, a setting that does not, none at all', () => {
    expect(refusal([{ name: 'cosface' }, { name: 'cosface' }])).toMatchObject({
      path: [1, 'name'],
      message: '"cosface" is there twice',
    });
    expect(refusal([{ name: 'contrastive' }])).toMatchObject({
      path: [0, 'name'],
      message: `must be one of ${lossNames.join(', ')}`,
    });
    expect(lossNames).toContain('circle-based-ratio');
    expect(refusal([{ name: 'cosface', sharpness: 2 }])?.message).toContain('sharpness');
    expect(refusal([{ name: 'triplet', weight: -1 }])?.path).toEqual([0, 'weight']);
    expect(refusal([])?.path).toEqual([]);
  });
});

test('a parameter that was forgotten is named', async () => {
  await startBackend('cpu');
  const loss = new ComposedLoss(lossTermsSchema.parse([{ name: 'softmax' }]), 3, 4);
  const features = tf.ones([2, 4]) as tf.Tensor2D;
  expect(() => loss.evaluate(features, [0, 1], { classWeights: tf.ones([3, 4]) })).toThrow(
    'The loss needs "classBias".',
  );
});
