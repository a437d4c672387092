import { expect, test } from 'vitest';
import { PKSampler } from './pk-sampler.ts';

/** 7 identities with 3, 4, 5, … pictures, mixed. */
const labels = Int32Array.from({ length: 42 }, (_, i) => [0, 0, 0, 1, 1, 1, 1][i % 7] + 2 * (i % 3));
const identities = new Set(labels);

test('a batch has P identities with K pictures each, grouped', () => {
  const sampler = new PKSampler(labels, 3, 4, 1);
  for (let step = 0; step < 20; step++) {
    const batch = [...sampler.batch(step)].map((index) => labels[index]);
    const groups = [0, 1, 2].map((p) => new Set(batch.slice(4 * p, 4 * p + 4)));
    expect(groups.map((group) => group.size)).toEqual([1, 1, 1]);
    expect(new Set(batch).size).toBe(3);
  }
});

test('every identity and every picture is drawn before any is drawn again', () => {
  const even = Int32Array.from({ length: 24 }, (_, i) => i % 4);
  const sampler = new PKSampler(even, 2, 3, 5);
  const drawn = Array.from({ length: 4 }, (_, step) => [...sampler.batch(step)]).flat();
  // 4 identities of 6 pictures: 4 steps of 2 × 3 are one round of all.
  expect([...drawn].sort((a, b) => a - b)).toEqual([...even.keys()]);
});

test('no picture is twice in a batch where there are K or more', () => {
  const five = Int32Array.from({ length: 20 }, (_, i) => i % 4);
  const sampler = new PKSampler(five, 2, 3, 1);
  for (let step = 0; step < 40; step++) expect(new Set(sampler.batch(step)).size).toBe(6);
});

test('an identity with fewer than K pictures repeats each equally often, or once more', () => {
  // Identity 0 has 2 pictures, identity 1 has 3, identity 2 has 1.
  const few = Int32Array.of(0, 1, 0, 1, 1, 2);
  const sampler = new PKSampler(few, 3, 4, 1);
  const extra = new Set<number>();
  for (let step = 0; step < 30; step++) {
    const batch = [...sampler.batch(step)];
    const times = [...few.keys()].map((index) => batch.filter((drawn) => drawn === index).length);
    expect([times[0], times[2], times[5]]).toEqual([2, 2, 4]);
    expect([times[1], times[3], times[4]].sort()).toEqual([1, 1, 2]);
    extra.add(times.indexOf(2, 3));
  }
  // Which one is repeated is drawn anew each time.
  expect(extra.size).toBeGreaterThan(1);
});

test('a batch depends on the seed and the step alone', () => {
  const inOrder = new PKSampler(labels, 3, 4, 1);
  for (let step = 0; step < 50; step++) inOrder.batch(step);
  const fresh = new PKSampler(labels, 3, 4, 1);
  expect(fresh.batch(51)).toEqual(inOrder.batch(51));
  expect(new PKSampler(labels, 3, 4, 2).batch(51)).not.toEqual(fresh.batch(51));
});

test('more identities than there are is an error that says how many', () => {
  expect(() => new PKSampler(labels, identities.size + 1, 2, 1)).toThrow(
    `A batch takes ${identities.size + 1} identities; the training set has ${identities.size}.`,
  );
});
