import { expect, test } from 'vitest';
import { DECODING_ROOM_BYTES as ROOM } from '../limits.ts';
import { type Keeper, MemoryBudget } from './memory-budget.ts';

const budgetOf = (free: number) => new MemoryBudget(() => 1000, 1000 + free);

/** Keeps pieces of memory, which it gives back one by one. */
function keeper(...pieces: number[]): Keeper & { readonly pieces: number[] } {
  return {
    pieces,
    get bytes() {
      return pieces.reduce((sum, piece) => sum + piece, 0);
    },
    giveWay: () => pieces.shift() !== undefined,
  };
}

test('counts what is held, and gives it back however the work ends', async () => {
  const memory = budgetOf(100);
  await memory.holding(async (held) => {
    held.add(30);
    held.add(40);
    expect([memory.requests, memory.left, memory.underWay]).toEqual([70, 30, 1]);
  });
  const failed = memory.holding(async (held) => {
    held.add(30);
    throw new Error('no');
  });
  await expect(failed).rejects.toThrow('no');
  expect([memory.requests, memory.left, memory.underWay]).toEqual([0, 100, 0]);
});

test('one that is alone may have all there is, and is told when that is not enough', async () => {
  const memory = budgetOf(100);
  await memory.holding(async (held) => {
    held.add(60);
    held.add(40);
    expect(() => held.add(1)).toThrow(/needs 101 bytes of memory, and one request may have 100 /);
    await expect(memory.holding(async (other) => other.add(1))).rejects.toMatchObject({
      status: 429,
      headers: { 'Retry-After': '1' },
    });
  });
  await expect(memory.holding(async (held) => held.add(101))).rejects.toMatchObject({ status: 413 });
});

test('several leave each other room to decode', async () => {
  const memory = budgetOf(ROOM + 100);
  await memory.holding(async (held) => {
    held.add(60);
    await memory.holding(async (other) => other.add(40));
    await expect(memory.holding(async (other) => other.add(41))).rejects.toMatchObject({ status: 429 });
  });
});

test('the heap counts as it stands', () => {
  let heap = 10;
  const memory = new MemoryBudget(() => heap, 100);
  expect(memory.left).toBe(90);
  heap = 40;
  expect(memory.left).toBe(60);
});

test('codecs make way, then models, one by one; what is not needed stays', async () => {
  const memory = budgetOf(100);
  const models = keeper(20, 20, 20);
  const codecs = keeper(20);
  Object.assign(memory, { models, codecs });
  await memory.holding(async (held) => {
    held.add(20);
    expect([codecs.pieces.length, models.pieces.length]).toEqual([1, 3]);
    held.add(20);
    expect([codecs.pieces.length, models.pieces.length]).toEqual([0, 3]);
    held.add(10);
    expect(models.pieces.length).toBe(2);
    held.add(50);
    expect(models.pieces.length).toBe(0);
    expect(memory.left).toBe(0);
  });
});

test('decoding: idle codecs make way, then models; then it is too much, or waits for others', async () => {
  const memory = budgetOf(ROOM + 100);
  const models = keeper(20);
  memory.models = models;
  await memory.holding(async (held) => {
    held.add(40);
    const idle = keeper(10);
    held.decoding(ROOM + 30, idle);
    expect([idle.pieces.length, models.pieces.length]).toEqual([1, 1]);
    held.decoding(ROOM + 40, idle);
    expect([idle.pieces.length, models.pieces.length]).toEqual([0, 1]);
    held.decoding(ROOM + 60, keeper());
    expect(models.pieces.length).toBe(0);
    expect(() => held.decoding(ROOM + 61, keeper())).toThrow(
      `beside the 40 that its request holds; one request may have ${ROOM + 100}`,
    );
    await memory.holding(async (other) => {
      other.add(10);
      expect(() => other.decoding(ROOM + 60, keeper())).toThrow(/send it again in a second/);
      expect(() => other.decoding(ROOM + 91, keeper())).toThrow(/one request may have/);
    });
  });
});
