import { describe, expect, test } from 'vitest';
import { isTaken, lateAt, lostAt } from './deadlines.ts';

const SECOND = 1000;
const TIMEOUT = 30 * SECOND;
const NOW = 1_800_000_000_000;
const times = { typical: 10 * SECOND, expected: 12 * SECOND, lastClaimedAt: NOW, lastTakenSentAt: 0 };
const waiting = { sentAt: NOW - 5 * SECOND, claimedAt: 0, losses: 0, spares: 0 };
const taken = { ...waiting, claimedAt: NOW - 4 * SECOND };

describe('a shard that a worker has', () => {
  test('is waited for four times as long as is expected', () => {
    expect(isTaken(taken)).toBe(true);
    expect(lostAt(taken, times, TIMEOUT)).toBe(taken.claimedAt + 48 * SECOND);
    // A shard of ten million items read by a few queries: two minutes.
    expect(lostAt(taken, { ...times, expected: 128 * SECOND }, TIMEOUT)).toBe(taken.claimedAt + 512 * SECOND);
  });

  test('is waited for half a minute at least, and longer after each loss', () => {
    const quick = { ...times, expected: 100 };
    const after = (losses: number) => lostAt({ ...taken, losses }, quick, TIMEOUT) - taken.claimedAt;
    expect([0, 1, 2, 3, 4, 19].map(after)).toEqual([30, 60, 120, 240, 240, 240].map((s) => s * SECOND));
  });

  test('is late after twice what others took, and is sent twice more at most', () => {
    expect(lateAt(taken, times, TIMEOUT)).toBe(taken.claimedAt + 20 * SECOND);
    expect(lateAt(taken, { ...times, typical: 50 }, TIMEOUT)).toBe(taken.claimedAt + 3 * SECOND);
    expect(lateAt({ ...taken, spares: 1 }, times, TIMEOUT)).toBeLessThan(Number.POSITIVE_INFINITY);
    expect(lateAt({ ...taken, spares: 2 }, times, TIMEOUT)).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('a shard that no worker has', () => {
  test('waits as long as others of its evaluation are taken', () => {
    expect(isTaken(waiting)).toBe(false);
    expect(lostAt(waiting, times, TIMEOUT)).toBe(NOW + 30 * SECOND);
    expect(lateAt(waiting, times, TIMEOUT)).toBe(NOW + 20 * SECOND);
  });

  test('is lost when one that was sent later is taken', () => {
    const overtaken = { ...times, lastTakenSentAt: waiting.sentAt + 1 };
    expect(lostAt(waiting, overtaken, TIMEOUT)).toBe(waiting.sentAt + 30 * SECOND);
    expect(lateAt(waiting, overtaken, TIMEOUT)).toBe(waiting.sentAt + 20 * SECOND);
  });

  test('is the same again when it was taken before it was last sent', () => {
    const again = { ...taken, sentAt: NOW - SECOND };
    expect(isTaken(again)).toBe(false);
    expect(lostAt(again, times, TIMEOUT)).toBe(NOW + 30 * SECOND);
  });
});
