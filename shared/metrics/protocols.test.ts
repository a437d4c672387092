import { describe, expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { bindProtocol, type Labels, type Protocol, protocolNames } from './protocols.ts';

function randomLabels(seed: number, count: number): Labels {
  const random = createRandom(seed);
  return {
    identities: Int32Array.from({ length: count }, () => random.integer(6) - 1),
    cameras: Int32Array.from({ length: count }, () => random.integer(3)),
  };
}

const labels = (...pairs: [identity: number, camera: number][]): Labels => ({
  identities: Int32Array.from(pairs, ([identity]) => identity),
  cameras: Int32Array.from(pairs, ([, camera]) => camera),
});

/** Whether an item is in a query's list. */
const keeps = (protocol: Protocol, query: number, item: number) =>
  !protocol.drops(item) && !protocol.leftOut(query).includes(item);

describe.each(protocolNames)('%s', (name) => {
  test.each([1, 2, 3])('counts and matches agree with what it keeps, labels %i', (seed) => {
    const gallery = randomLabels(seed, 60);
    const queries = name === 'all' ? gallery : randomLabels(seed + 10, 25);
    const protocol = bindProtocol(name, queries, gallery);
    for (let q = 0; q < queries.identities.length; q++) {
      const kept = [...gallery.identities.keys()].filter((g) => keeps(protocol, q, g));
      expect(protocol.keptCount(q)).toBe(kept.length);
      const identity = queries.identities[q];
      const same = kept.filter((g) => gallery.identities[g] === identity);
      expect(protocol.matches(q)).toEqual(name !== 'none' && name !== 'all' && identity <= 0 ? [] : same);
    }
  });
});

test('none keeps everything', () => {
  const protocol = bindProtocol('none', labels([1, 1]), labels([1, 1], [-1, 1], [0, 2], [2, 1]));
  expect([0, 1, 2, 3].map((g) => keeps(protocol, 0, g))).toEqual([true, true, true, true]);
  expect(protocol.matches(0)).toEqual([0]);
});

test('all leaves out the query itself and nothing else', () => {
  const set = labels([1, 1], [1, 1], [2, 1]);
  const protocol = bindProtocol('all', set, set);
  expect([0, 1, 2].map((g) => keeps(protocol, 1, g))).toEqual([true, false, true]);
  expect(protocol.matches(1)).toEqual([0]);
  expect(protocol.matches(2)).toEqual([]);
});

test('all refuses two sets of different size', () => {
  expect(() => bindProtocol('all', labels([1, 1]), labels([1, 1], [2, 1]))).toThrow(
    'The protocol "all" ranks a set against itself: 1 queries, 2 gallery items.',
  );
});

test('market1501 leaves out junk and the same identity in the same camera', () => {
  const gallery = labels([1, 1], [1, 2], [2, 1], [-1, 1], [-1, 2], [0, 1], [0, 2]);
  const protocol = bindProtocol('market1501', labels([1, 1]), gallery);
  const kept = [...gallery.identities.keys()].filter((g) => keeps(protocol, 0, g));
  expect(kept).toEqual([1, 2, 5, 6]);
  expect(protocol.matches(0)).toEqual([1]);
});

test.each(['veri776', 'cuhk03-np'] as const)('%s is the rule of market1501', (name) => {
  const [queries, gallery] = [randomLabels(4, 40), randomLabels(5, 60)];
  const [found, market] = [name, 'market1501' as const].map((n) => bindProtocol(n, queries, gallery));
  for (let q = 0; q < 40; q++) {
    expect(found.matches(q)).toEqual(market.matches(q));
    expect(found.keptCount(q)).toBe(market.keptCount(q));
    for (let g = 0; g < 60; g++) expect(found.keeps(q, g)).toBe(market.keeps(q, g));
  }
});

test('market1501: junk and distractors match nothing, not even each other', () => {
  const gallery = labels([-1, 1], [-1, 2], [0, 1], [0, 2], [3, 1]);
  const protocol = bindProtocol('market1501', labels([-1, 1], [0, 1]), gallery);
  expect(protocol.matches(0)).toEqual([]);
  expect(protocol.matches(1)).toEqual([]);
  expect(protocol.keptCount(0)).toBe(3);
  expect(protocol.keptCount(1)).toBe(2);
});
