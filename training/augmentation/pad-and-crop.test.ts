import { createRandom } from '@softmargin/shared/random.ts';
import { expect, test } from 'vitest';
import { padAndCrop } from './pad-and-crop.ts';

const image = {
  width: 5,
  height: 4,
  channels: 3,
  data: Uint8Array.from({ length: 60 }, (_, i) => i + 1),
};

/** Pads and crops by the definition: a larger picture, and a window of it. */
function slow(left: number, top: number, padding: number): number[] {
  const at = (x: number, y: number, c: number) =>
    x < 0 || y < 0 || x >= 5 || y >= 4 ? 0 : image.data[(y * 5 + x) * 3 + c];
  const values: number[] = [];
  for (let y = 0; y < 4; y++) {
    for (let x = 0; x < 5; x++) {
      for (let c = 0; c < 3; c++) values.push(at(x + left - padding, y + top - padding, c));
    }
  }
  return values;
}

test.each([1, 2, 7])('padding %i: each window of the padded picture, about equally often', (padding) => {
  const places = 2 * padding + 1;
  const counts = new Map<string, number>();
  for (let top = 0; top < places; top++) {
    for (let left = 0; left < places; left++) counts.set(slow(left, top, padding).join(), 0);
  }
  const random = createRandom(padding);
  const draws = 200 * places ** 2;
  for (let i = 0; i < draws; i++) {
    const { data, ...size } = padAndCrop(image, padding, random);
    expect(size).toEqual({ width: 5, height: 4, channels: 3 });
    const key = data.join();
    counts.set(key, (counts.get(key) ?? Number.NaN) + 1);
  }
  // Windows that miss the picture are all black and counted together.
  const black = new Array(60).fill(0).join();
  for (const [key, count] of counts) {
    if (key !== black) expect(Math.abs(count - 200)).toBeLessThan(5 * Math.sqrt(200));
  }
});
