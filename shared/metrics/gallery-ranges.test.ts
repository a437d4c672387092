import { expect, test } from 'vitest';
import { randomSet } from '../../test/slow-evaluation.ts';
import { createRandom } from '../random.ts';
import { addCounts, joinLocated, listsWithin } from './gallery-ranges.ts';
import { bindProtocol } from './protocols.ts';
import { LocatedItems } from './rank.ts';

const random = createRandom(5);
const queries = randomSet(random, 20, 2, (r) => r.normal());
const gallery = randomSet(random, 90, 2, (r) => r.normal());
const located = new LocatedItems(bindProtocol('market1501', queries, gallery), { start: 0, count: 20 });
const ranges = [
  { start: 0, count: 40 },
  { start: 40, count: 1 },
  { start: 41, count: 49 },
];
/** A score of a pair's own. */
const scoreOf = (query: number, item: number) => Math.fround(query + item / 1000);

function scoresOf({ starts, items }: { starts: Int32Array; items: Int32Array }): Float32Array {
  return Float32Array.from(items, (item, i) => {
    return scoreOf(
      starts.findLastIndex((start) => start <= i),
      item,
    );
  });
}

test('lists within ranges are those items of each list, and their scores join again', () => {
  expect(located.items.length).toBeGreaterThan(40);
  const parts = ranges.map((range) => {
    const lists = listsWithin(located, range);
    for (let q = 0; q < 20; q++) {
      const whole = [...located.items.subarray(located.starts[q], located.starts[q + 1])];
      const inside = whole.filter((item) => item >= range.start && item < range.start + range.count);
      expect([...lists.items.subarray(lists.starts[q], lists.starts[q + 1])]).toEqual(inside);
    }
    return { range, scores: scoresOf(lists) };
  });
  expect(joinLocated(located, parts)).toEqual(scoresOf(located));
});

test('a range that is missing, or has other scores, is noticed', () => {
  const parts = ranges.map((range) => ({ range, scores: scoresOf(listsWithin(located, range)) }));
  expect(() => joinLocated(located, parts.slice(0, 2))).toThrow('was not brought by any range');
  expect(() => joinLocated(located, parts.slice(1))).toThrow('was not brought by any range');
  const [first, ...rest] = parts;
  const more = { ...first, scores: new Float32Array(first.scores.length + 1) };
  expect(() => joinLocated(located, [more, ...rest])).toThrow('scores of gallery items 0 to 39 came');
});

test('counts add up', () => {
  expect([...addCounts(2, [Int32Array.of(1, 2), Int32Array.of(10, 20)])]).toEqual([11, 22]);
  expect(() => addCounts(2, [Int32Array.of(1)])).toThrow('Counts of 1 matches came; there are 2.');
});
