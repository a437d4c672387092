import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import { expect, test } from 'vitest';
import { rankedExamples } from './ranked-examples.ts';

/** Directions in the plane by their degrees: cosine distance grows with the angle. */
function circle(
  items: readonly (readonly [degrees: number, identity: number, camera: number])[],
): EmbeddingSet {
  return {
    count: items.length,
    dimension: 2,
    features: Float32Array.from(
      items.flatMap(([degrees]) => [
        Math.cos((degrees * Math.PI) / 180),
        Math.sin((degrees * Math.PI) / 180),
      ]),
    ),
    identities: Int32Array.from(items, ([, identity]) => identity),
    cameras: Int32Array.from(items, ([, , camera]) => camera),
  };
}

test('a list is by distance, without what the protocol leaves out; the worst queries come by precision', async () => {
  const query = circle([
    [0, 7, 1],
    [90, 8, 1],
    [0, 9, 1],
  ]);
  const gallery = circle([
    [40, 7, 2],
    [1, 7, 1],
    [10, 8, 2],
    [20, -1, 2],
    [95, 8, 3],
  ]);
  const named = (side: string) => async (index: number) => Buffer.from(`${side} ${index}`);
  const { typical, worst } = await rankedExamples(
    { query, gallery },
    { protocol: 'market1501', distance: 'cosine' },
    { query: named('query'), gallery: named('gallery') },
  );
  const shown = typical.map((example) => [
    String(example.query),
    example.identity,
    ...example.items.map(({ picture }) => String(picture)),
  ]);
  // Of query 0: gallery 1 is under its own camera and 3 is junk. Query 2 has no match: it is no example.
  expect(shown).toEqual([
    ['query 0', 7, 'gallery 2', 'gallery 0', 'gallery 4'],
    ['query 1', 8, 'gallery 4', 'gallery 0', 'gallery 2', 'gallery 1'],
  ]);
  expect(typical[0].items.map(({ identity }) => identity)).toEqual([8, 7, 8]);
  expect(typical[0].items[0].distance).toBeCloseTo(1 - Math.cos((10 * Math.PI) / 180), 5);
  // Query 0 finds its one match second; query 1 its two first and third.
  expect(typical.map(({ averagePrecision }) => averagePrecision)).toEqual([1 / 2, (1 + 2 / 3) / 2]);
  expect(worst.map(({ identity }) => identity)).toEqual([7, 8]);
});
