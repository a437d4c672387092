import { expect, test } from 'vitest';
import { warmupCosine } from './schedule.ts';

test('rises linearly, then falls as half a cosine to zero', () => {
  const factors = Array.from({ length: 14 }, (_, step) => warmupCosine(step, 14, 4));
  expect(factors.slice(0, 4)).toEqual([0.25, 0.5, 0.75, 1]);
  expect(factors[4]).toBe(1);
  expect(factors[9]).toBeCloseTo(0.5, 12);
  expect(factors.slice(4)).toEqual([...factors.slice(4)].sort((a, b) => b - a));
  expect(warmupCosine(14, 14, 4)).toBeCloseTo(0, 12);
});

test('without a warm-up it starts at its peak', () => {
  expect(warmupCosine(0, 10, 0)).toBe(1);
});
