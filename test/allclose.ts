import { expect } from 'vitest';

/**
 * Expects two rows of numbers to be the same but for `tolerance`, absolute for numbers below one and
 * relative above. Says where they differ most.
 */
export function expectAllClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what = 'values',
): void {
  expect(actual.length, `number of ${what}`).toBe(expected.length);
  let worst = 0;
  let difference = 0;
  for (let i = 0; i < expected.length; i++) {
    const error = Math.abs(actual[i] - expected[i]) / Math.max(1, Math.abs(expected[i]));
    // A NaN compares false with everything: it has to win here, not slip through.
    if (!(error <= difference)) {
      worst = i;
      difference = error;
      if (Number.isNaN(error)) break;
    }
  }
  expect(
    difference <= tolerance,
    `${what}[${worst}] is ${actual[worst]}, expected ${expected[worst]} within ${tolerance}`,
  ).toBe(true);
}
