import { describe, expect, test } from 'vitest';
import { kernel } from '../../test/kernel.ts';
import { quantised, randomSet, slowList } from '../../test/slow-evaluation.ts';
import { createRandom } from '../random.ts';
import { evaluateSets, type SetRule } from './evaluate-sets.ts';
import { TopLists } from './top-lists.ts';

const random = createRandom(91);
const queries = randomSet(random, 40, 4, quantised);
const gallery = randomSet(random, 90, 4, quantised);
const draws = { repeats: 1, seed: 0 };

describe.each(['none', 'market1501'] as const)('%s', (protocol) => {
  test('the nearest are the first of the sorted list, ties included', async () => {
    const rule: SetRule = { protocol, distance: 'euclidean', draws };
    const { nearest, scores } = await evaluateSets(kernel, rule, queries, gallery, { topK: 7 });
    for (let query = 0; query < queries.count; query++) {
      const slow = slowList(rule as never, queries, query, gallery)
        .sort((a, b) => a.distance - b.distance || a.g - b.g)
        .slice(0, 7);
      const list = nearest[0].of(query);
      expect(list.map(({ galleryIndex }) => galleryIndex)).toEqual(slow.map(({ g }) => g));
      for (const [place, { galleryIndex, identity, camera, distance, match }] of list.entries()) {
        expect(distance).toBeCloseTo(slow[place].distance, 5);
        expect([identity, camera]).toEqual([gallery.identities[galleryIndex], gallery.cameras[galleryIndex]]);
        const same = identity === queries.identities[query];
        expect(match).toBe(same && (protocol === 'none' || identity > 0));
      }
      const { score } = scores[0].at(query);
      const first = list.findIndex(({ match }) => match) + 1;
      if (score !== undefined && score.firstMatchRank <= 7) expect(first).toBe(score.firstMatchRank);
      else expect(first).toBe(0);
    }
  });
});

test('a list that is shorter than what is asked for has all of its items', async () => {
  const few = randomSet(createRandom(92), 5, 4, quantised);
  const rule: SetRule = { protocol: 'all', distance: 'cosine', draws };
  const { nearest } = await evaluateSets(kernel, rule, few, few, { topK: 50 });
  for (let query = 0; query < 5; query++) {
    const items = nearest[0].of(query).map(({ galleryIndex }) => galleryIndex);
    expect(items.sort()).toEqual([0, 1, 2, 3, 4].filter((item) => item !== query));
  }
});

test('lists go through bytes', () => {
  const lists = new TopLists(3, 2, 2);
  const place = { galleryIndex: 9, identity: -1, camera: 2, group: 7, distance: 0.1 + 0.2, match: true };
  lists.set(3, 0, place);
  const { group: _, ...withoutGroup } = place;
  lists.set(4, 0, withoutGroup);
  const decoded = TopLists.decode(lists.encode());
  expect(decoded.of(3)).toStrictEqual([place]);
  expect(decoded.of(4)).toStrictEqual([withoutGroup]);
  for (const bytes of [new Uint8Array(7), new Uint8Array(24 + 8), new Uint8Array(0)]) {
    expect(() => TopLists.decode(bytes)).toThrow(RangeError);
  }
});
