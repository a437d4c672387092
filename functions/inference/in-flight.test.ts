import { expect, test } from 'vitest';
import { BytesInFlight } from './in-flight.ts';

test('counts what is held, and gives it back however the work ends', async () => {
  const bytes = new BytesInFlight(100);
  await bytes.holding(async (held) => {
    held.add(30);
    held.add(40);
    expect(bytes.total).toBe(70);
  });
  expect(bytes.total).toBe(0);
  const failed = bytes.holding(async (held) => {
    held.add(30);
    throw new Error('no');
  });
  await expect(failed).rejects.toThrow('no');
  expect(bytes.total).toBe(0);
});

test('sends away what there is no room for, and not one that is alone', async () => {
  const bytes = new BytesInFlight(100);
  await bytes.holding(async (held) => {
    held.add(101);
    const second = bytes.holding(async (other) => other.add(1));
    await expect(second).rejects.toMatchObject({ status: 429, headers: { 'Retry-After': '1' } });
    expect(bytes.total).toBe(101);
  });
  await bytes.holding(async (held) => {
    held.add(60);
    await bytes.holding(async (other) => other.add(40));
    await expect(bytes.holding(async (other) => other.add(41))).rejects.toMatchObject({ status: 429 });
  });
  expect(bytes.total).toBe(0);
});
