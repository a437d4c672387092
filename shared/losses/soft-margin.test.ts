import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { expectAllClose } from '../../test/allclose.ts';
import { backends, startBackend } from '../../test/backends.ts';
import {
  differentiate,
  expectDerivation,
  type PlainBatch,
  randomBatch,
  sphereDistance,
} from '../../test/batches.ts';
import { read } from '../../test/read.ts';
import { createRandom } from '../random.ts';
import type { LossBatch } from './batch.ts';
import { type ExtremesScope, extremesScopes } from './class-extremes.ts';
import { softMarginLoss, softMarginSchema } from './soft-margin.ts';

interface SoftMarginOptions {
  readonly scope?: ExtremesScope;
  readonly sharpness?: number;
}

const softMargin = (batch: LossBatch, options: SoftMarginOptions = {}) =>
  softMarginLoss(batch, softMarginSchema.parse({ name: 'soft-margin', ...options }));

/** The formulas of the documentation, read aloud: one loop for each word in them. */
function slowSoftMargin({ features, weights, labels }: PlainBatch, options: SoftMarginOptions): number {
  const { scope = 'class', sharpness = 1 } = options;
  const soft = (difference: number) => Math.log(1 + Math.exp(sharpness * difference)) / sharpness;
  const own = (i: number) => sphereDistance(features[i], weights[labels[i]]);
  const nearestOther = (i: number) => {
    let nearest = Number.POSITIVE_INFINITY;
    for (let j = 0; j < weights.length; j++) {
      if (j !== labels[i]) nearest = Math.min(nearest, sphereDistance(features[i], weights[j]));
    }
    return nearest;
  };
  const samples = labels.map((_, i) => i);
  const margin = (members: number[]) =>
    soft(Math.max(...members.map(own)) - Math.min(...members.map(nearestOther)));

  switch (scope) {
    case 'sample':
      return samples.reduce((sum, i) => sum + margin([i]), 0) / samples.length;
    case 'batch':
      return margin(samples);
    case 'class': {
      const classes = [...new Set(labels)];
      return (
        classes.reduce((sum, c) => sum + margin(samples.filter((i) => labels[i] === c)), 0) / classes.length
      );
    }
  }
}

// Class 4 has one sample and class 3 has none.
const LABELS = [0, 2, 1, 0, 4, 1, 2, 0];

const options: SoftMarginOptions[] = [
  {},
  ...extremesScopes.flatMap((scope) => [{ scope }, { scope, sharpness: 4 }, { scope, sharpness: 0.5 }]),
];

describe.each(backends)('on %s', (backend) => {
  beforeAll(() => startBackend(backend));

  describe.each(options)('softMarginLoss of %o', (option) => {
    test.each([1, 2, 3])('value and gradients, batch %i', async (seed) => {
      const batch = randomBatch(createRandom(seed), LABELS, 5, 6);
      await expectDerivation(
        batch,
        (b) => softMargin(b, option),
        (b) => slowSoftMargin(b, option),
        { moves: ['features', 'weights'] },
      );
    });
  });

  test('the default is scope class with sharpness 1', async () => {
    const batch = randomBatch(createRandom(4), LABELS, 5, 6);
    const value = async (option?: SoftMarginOptions) =>
      (await differentiate(batch, (b) => softMargin(b, option))).value;
    expect(await value()).toBe(await value({ scope: 'class', sharpness: 1 }));
    expect(await value()).not.toBe(await value({ scope: 'sample' }));
    expect(await value()).not.toBe(await value({ scope: 'class', sharpness: 2 }));
  });

  test('scopes are ordered: the sample’s extremes lie within the class’s, those within the batch’s', async () => {
    for (let seed = 0; seed < 5; seed++) {
      // As many samples of each class, so that the two means weigh alike.
      const batch = randomBatch(createRandom(seed, 9), [0, 0, 1, 1, 2, 2], 3, 4);
      const value = async (scope: ExtremesScope) =>
        (await differentiate(batch, (b) => softMargin(b, { scope }))).value;
      expect(await value('sample')).toBeLessThan(await value('class'));
      expect(await value('class')).toBeLessThan(await value('batch'));
    }
  });

  test.each(extremesScopes)('scope %s: a sample exactly on its class weight', async (scope) => {
    const random = createRandom(5);
    const drawn = randomBatch(random, LABELS, 5, 6);
    const batch = { ...drawn, features: LABELS.map((label) => drawn.weights[label]) };
    const found = await differentiate(batch, (b) => softMargin(b, { scope }));
    // cos θ carries a rounding of 6e-8 here, and d = √(2 − 2 cos θ) makes 3.5e-4 of it.
    expectAllClose([found.value], [slowSoftMargin(batch, { scope })], 5e-4);
    expect(found.features.every(Number.isFinite)).toBe(true);
    expect(found.weights.every(Number.isFinite)).toBe(true);
    // The other weight still pushes the sample away: it is not stuck there.
    expect(Math.max(...found.features.map(Math.abs))).toBeGreaterThan(1e-3);
    expect(Math.max(...found.features.map(Math.abs))).toBeLessThan(10);
  });

  test.each(extremesScopes)('scope %s: a distance of exactly zero, and its opposite', async (scope) => {
    // Along the axes no cosine is rounded: the first sample is on its weight, the second is on the other's
    // and opposite its own.
    const batch = {
      ...randomBatch(createRandom(9), [0, 1], 2, 2),
      features: [
        [5, 0],
        [3, 0],
      ],
      weights: [
        [2, 0],
        [-1, 0],
      ],
    };
    const found = await differentiate(batch, (b) => softMargin(b, { scope }));
    expectAllClose([found.value], [slowSoftMargin(batch, { scope })], 1e-5);
    expect([...found.features, ...found.weights].every(Number.isFinite)).toBe(true);
  });

  test.each(extremesScopes)('scope %s: a sample exactly on another class’s weight', async (scope) => {
    const drawn = randomBatch(createRandom(6), LABELS, 5, 6);
    const batch = { ...drawn, features: [drawn.weights[3], ...drawn.features.slice(1)] };
    const found = await differentiate(batch, (b) => softMargin(b, { scope }));
    expectAllClose([found.value], [slowSoftMargin(batch, { scope })], 5e-4);
    expect([...found.features, ...found.weights].every(Number.isFinite)).toBe(true);
  });

  test.each(extremesScopes)('scope %s: a row of zeros gives numbers', async (scope) => {
    const drawn = randomBatch(createRandom(7), LABELS, 5, 6);
    const batch = { ...drawn, features: [Array<number>(6).fill(0), ...drawn.features.slice(1)] };
    const found = await differentiate(batch, (b) => softMargin(b, { scope }));
    expect([found.value, ...found.features, ...found.weights].every(Number.isFinite)).toBe(true);
    expect([...found.features.subarray(0, 6)].map(Math.abs)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  test.each(extremesScopes)('scope %s: one sample in each class', async (scope) => {
    const batch = randomBatch(createRandom(8), [1, 0], 2, 3);
    const found = await differentiate(batch, (b) => softMargin(b, { scope }));
    expectAllClose([found.value], [slowSoftMargin(batch, { scope })], 1e-5);
  });

  // tfjs's max and min hand the whole gradient to each of several equal extremes: a sample that is in the
  // batch twice would move the class weights twice as far.
  test.each(['class', 'batch'] as const)('scope %s: a repeated sample changes no gradient', async (scope) => {
    for (let seed = 0; seed < 10; seed++) {
      const once = randomBatch(createRandom(seed), [0, 1, 2], 3, 4);
      const twice = { ...once, features: [...once.features, ...once.features], labels: [0, 1, 2, 0, 1, 2] };
      const loss = (x: LossBatch) => softMargin(x, { scope });
      const [a, b] = [await differentiate(once, loss), await differentiate(twice, loss)];
      expectAllClose([b.value], [a.value], 1e-6);
      expectAllClose(b.weights, a.weights, 1e-6, 'gradient of class weights');
    }
  });

  test('the slope stays within 0.12 and 0.88, whatever the angles, and reaches both', async () => {
    const angles: [own: number, other: number][] = [];
    for (let own = 0.01; own < Math.PI; own += 0.08) {
      for (let other = 0.01; other < Math.PI; other += 0.08) angles.push([own, other]);
    }
    const found = await slopes(angles);
    expect(Math.min(...found)).toBeGreaterThan(0.119);
    expect(Math.min(...found)).toBeLessThan(0.122);
    expect(Math.max(...found)).toBeLessThan(0.881);
    expect(Math.max(...found)).toBeGreaterThan(0.878);
  });
});

/** ∂L/∂d of samples at these angles to their own and to the other class weight. */
async function slopes(angles: [own: number, other: number][]): Promise<number[]> {
  const gradient = await read(() => {
    const membership = tf.tensor2d(angles.map(() => [1, 0]));
    const loss = (cosines: tf.Tensor) =>
      softMargin({ cosines, membership, present: tf.tensor1d([1, 0]) } as LossBatch, { scope: 'sample' });
    return tf.grad(loss)(tf.tensor2d(angles.map((pair) => pair.map(Math.cos))));
  });
  // The loss is the mean of the samples', and ∂d/∂cos θ = −1/d.
  return angles.map(([own], i) => -gradient[2 * i] * angles.length * Math.sqrt(2 - 2 * Math.cos(own)));
}
