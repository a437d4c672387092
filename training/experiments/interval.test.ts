import { expect, test } from 'vitest';
import { intervalOf, intervalText } from './interval.ts';

test("the interval is Student's", () => {
  // By hand: mean 2, deviation 1, t(2) = 4.303, so 4.303 / √3.
  const { mean, halfWidth } = intervalOf([1, 2, 3]);
  expect(mean).toBe(2);
  expect(halfWidth).toBeCloseTo(4.303 / Math.sqrt(3), 6);
  expect(intervalText(intervalOf([1, 2, 3]), 1)).toBe('2.0 ± 2.5');
});

test('of one run there is a mean and no interval', () => {
  expect(intervalText(intervalOf([7]), 2)).toBe('7.00');
});
