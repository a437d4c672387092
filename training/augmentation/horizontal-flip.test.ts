import { expect, test } from 'vitest';
import { horizontalFlip } from './horizontal-flip.ts';

test('left is right, pixel by pixel', () => {
  const data = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18);
  const image = { width: 3, height: 2, channels: 3, data };
  expect(horizontalFlip(image)).toEqual({
    ...image,
    data: Uint8Array.of(7, 8, 9, 4, 5, 6, 1, 2, 3, 16, 17, 18, 13, 14, 15, 10, 11, 12),
  });
  expect(horizontalFlip(horizontalFlip(image))).toEqual(image);
});
