import { expect, test } from 'vitest';
import { PKSampler } from './pk-sampler.ts';
import { createSampler, samplerSchema } from './sampler.ts';
import { SequentialSampler } from './sequential-sampler.ts';
import { UniformSampler } from './uniform-sampler.ts';

const identities = Int32Array.from({ length: 20 }, (_, i) => i % 5);

test('the settings choose the sampler', () => {
  const pk = createSampler({ kind: 'pk', identities: 3, pictures: 2 }, identities, 7);
  expect(pk.batch(4)).toEqual(new PKSampler(identities, 3, 2, 7).batch(4));
  const uniform = createSampler({ kind: 'uniform', size: 6 }, identities, 7);
  expect(uniform.batch(4)).toEqual(new UniformSampler(20, 6, 7).batch(4));
  expect(samplerSchema.safeParse({ kind: 'pk', size: 6 }).success).toBe(false);
});

test('uniform: every picture is drawn once before any is drawn again', () => {
  const sampler = new UniformSampler(20, 5, 3);
  for (const round of [0, 1, 2]) {
    const drawn = [0, 1, 2, 3].flatMap((step) => [...sampler.batch(4 * round + step)]);
    expect(drawn.sort((a, b) => a - b)).toEqual([...identities.keys()]);
  }
  expect(sampler.batch(0)).not.toEqual(sampler.batch(4));
});

test('uniform: what does not fill a batch is left in the deck', () => {
  const sampler = new UniformSampler(20, 6, 3);
  for (const round of [0, 1]) {
    const drawn = [0, 1, 2].flatMap((step) => [...sampler.batch(3 * round + step)]);
    expect(new Set(drawn).size).toBe(18);
  }
});

test('uniform: a batch depends on the seed and the step alone', () => {
  const inOrder = new UniformSampler(20, 6, 3);
  for (let step = 0; step < 10; step++) inOrder.batch(step);
  expect(new UniformSampler(20, 6, 3).batch(11)).toEqual(inOrder.batch(11));
  expect(new UniformSampler(20, 6, 4).batch(11)).not.toEqual(inOrder.batch(11));
});

test('uniform: a batch larger than the set is an error', () => {
  expect(() => new UniformSampler(20, 21, 3)).toThrow('A batch takes 21 pictures; the training set has 20.');
});

test('sequential: every item once, in order', () => {
  const sampler = new SequentialSampler(7, 3);
  expect([...Array(sampler.steps).keys()].map((step) => [...sampler.batch(step)])).toEqual([
    [0, 1, 2],
    [3, 4, 5],
    [6],
  ]);
});
