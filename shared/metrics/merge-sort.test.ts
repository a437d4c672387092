import { describe, expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { sortByScore } from './merge-sort.ts';

describe('sortByScore', () => {
  test.each([0, 1, 2, 3, 7, 8, 9, 100, 1000])(
    '%i entries: the highest first, equals in their order',
    (length) => {
      const random = createRandom(length);
      const scores = Float32Array.from({ length: 2 * length }, () => random.integer(20) - 10);
      const order = Int32Array.from({ length: length + 3 }, (_, i) => (7 * i + 3) % Math.max(1, 2 * length));
      const expected = [...order.subarray(0, length)].sort((a, b) => scores[b] - scores[a]);
      const rest = [...order.subarray(length)];
      sortByScore(order, new Int32Array(length), length, scores);
      expect([...order]).toEqual([...expected, ...rest]);
    },
  );
});
