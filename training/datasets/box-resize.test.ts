import { createRandom } from '@softmargin/shared/random.ts';
import { expect, test } from 'vitest';
import { boxResize } from './box-resize.ts';

const image = (width: number, height: number, data: number[]) => ({
  width,
  height,
  channels: 1,
  data: Uint8Array.from(data),
});

test('a whole factor is the mean of each block', () => {
  const { data } = boxResize(image(4, 2, [0, 10, 20, 31, 10, 20, 40, 50]), 2, 1);
  expect([...data]).toEqual([10, 35]);
});

test('a pixel on the border of two areas counts in both by its share', () => {
  // 3 to 2: the middle pixel is half in each.
  expect([...boxResize(image(3, 1, [90, 30, 240]), 2, 1).data]).toEqual([70, 170]);
  expect([...boxResize(image(1, 3, [90, 30, 240]), 1, 2).data]).toEqual([70, 170]);
});

test("Omniglot's 105 to 28, against every pixel split into 28 × 28 parts", () => {
  const random = createRandom(1);
  const source = image(
    105,
    105,
    Array.from({ length: 105 * 105 }, () => 255 * random.integer(2)),
  );
  const { data } = boxResize(source, 28, 28);
  // 105 · 28 parts a side, of which 105 make a target pixel.
  for (const [x, y] of [
    [0, 0],
    [3, 20],
    [27, 27],
    [14, 1],
  ]) {
    let sum = 0;
    for (let v = 0; v < 105; v++) {
      for (let u = 0; u < 105; u++) {
        sum += source.data[Math.floor((105 * y + v) / 28) * 105 + Math.floor((105 * x + u) / 28)];
      }
    }
    expect(Math.abs(data[28 * y + x] - sum / 105 ** 2)).toBeLessThanOrEqual(0.501);
  }
});
