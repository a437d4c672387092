import { expect, test } from 'vitest';
import { binFractions } from './average-precision.ts';

test('fractions are counted by twentieths, each bin with its lower end, the last with both', () => {
  const values = [0, 0.049, 0.05, 0.5, 0.949, 0.95, 1, 1];
  const expected = Array.from(
    { length: 20 },
    (_, i) => values.filter((value) => value >= i / 20 && (value < (i + 1) / 20 || i === 19)).length,
  );
  expect(binFractions(values)).toEqual(expected);
  expect(expected.at(-1)).toBe(3);
});
