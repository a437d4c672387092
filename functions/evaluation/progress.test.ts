import { expect, test } from 'vitest';
import { etaSeconds } from './progress.ts';

const openedAt = 1_000_000;

test('4 of 10 shards in 20 s: the other 6 take 30 s', () => {
  const pace = { done: 4, total: 10, openedAt, lastDoneAt: openedAt + 20_000 };
  expect(etaSeconds(pace, openedAt + 20_000)).toBe(30);
  expect(etaSeconds(pace, openedAt + 23_000)).toBe(27);
});

test('a shard that is late does not make the estimate negative', () => {
  expect(etaSeconds({ done: 1, total: 2, openedAt, lastDoneAt: openedAt + 1000 }, openedAt + 60_000)).toBe(0);
});

test('unknown before the first shard is back, nothing after the last', () => {
  expect(etaSeconds({ done: 0, total: 2, openedAt, lastDoneAt: 0 }, openedAt + 5000)).toBeNull();
  expect(etaSeconds({ done: 2, total: 2, openedAt, lastDoneAt: openedAt + 9 }, openedAt + 10)).toBe(0);
});
