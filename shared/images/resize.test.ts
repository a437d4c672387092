import { describe, expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import type { ChannelImage } from './picture.ts';
import { resizeBilinear } from './resize.ts';

/**
 * The antialiased triangle filter in floating point, in two dimensions at once and rounded only at the end:
 * each output pixel is the weighted mean of the whole picture, with a triangle as wide as one output pixel
 * (or one input pixel, where the picture is enlarged) to either side of the centre.
 */
function slowResize(image: ChannelImage, width: number, height: number): number[] {
  const weight = (from: number, to: number, position: number, source: number) => {
    const reach = Math.max(1, from / to);
    const centre = ((position + 0.5) * from) / to;
    return Math.max(0, 1 - Math.abs(source + 0.5 - centre) / reach);
  };
  const values: number[] = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < image.channels; c++) {
        let sum = 0;
        let total = 0;
        for (let v = 0; v < image.height; v++) {
          for (let u = 0; u < image.width; u++) {
            const w = weight(image.width, width, x, u) * weight(image.height, height, y, v);
            sum += w * image.data[(v * image.width + u) * image.channels + c];
            total += w;
          }
        }
        values.push(sum / total);
      }
    }
  }
  return values;
}

function noise(seed: number, width: number, height: number, channels: number): ChannelImage {
  const random = createRandom(seed);
  const data = Uint8Array.from({ length: width * height * channels }, () => random.integer(256));
  return { width, height, channels, data };
}

describe('against the filter in floating point', () => {
  test.each([
    [8, 8, 4, 4],
    [17, 11, 28, 28],
    [28, 28, 17, 11],
    [40, 30, 7, 13],
    [7, 40, 40, 7],
    [105, 105, 28, 28],
    [30, 20, 30, 9],
    [30, 20, 11, 20],
    [1, 1, 5, 3],
    [9, 14, 1, 1],
    [1, 37, 28, 28],
    [37, 1, 28, 28],
    [300, 1, 2, 1],
    [1, 300, 1, 2],
    [2, 2, 64, 1],
  ])('%i×%i to %i×%i', (width, height, toWidth, toHeight) => {
    for (const channels of [1, 3]) {
      const image = noise(width + height, width, height, channels);
      const resized = resizeBilinear(image, toWidth, toHeight);
      expect({ ...resized, data: resized.data.length }).toEqual({
        width: toWidth,
        height: toHeight,
        channels,
        data: toWidth * toHeight * channels,
      });
      const expected = slowResize(image, toWidth, toHeight);
      // Half a level for the rounding at the end, half for the one between the passes.
      const differences = expected.map((value, i) => Math.abs(value - resized.data[i]));
      expect(Math.max(...differences)).toBeLessThanOrEqual(1.001);
    }
  });
});

describe('against Pillow', () => {
  /** Two dark and two bright squares, as Pillow's own tests of resampling draw them. */
  function squares(size: number, bright: number): ChannelImage {
    const data = new Uint8Array(size * size);
    for (let y = 0; y < size; y++) {
      for (let x = 0; x < size; x++) {
        data[y * size + x] = x < size / 2 === y < size / 2 ? bright : 255 - bright;
      }
    }
    return { width: size, height: size, channels: 1, data };
  }

  // Tests/test_image_resample.py of Pillow: test_reduce_bilinear and test_enlarge_bilinear. They give the
  // upper left quarter; the others follow by symmetry.
  test.each([
    ['reduces 8×8 to 4×4', 8, [0xe1, 0xc9, 0xc9, 0xb7]],
    ['enlarges 2×2 to 4×4', 2, [0xe1, 0xb0, 0xb0, 0x98]],
  ])('%s', (_, size, [a, b, c, d]) => {
    const resized = resizeBilinear(squares(size, 0xe1), 4, 4);
    expect([...resized.data]).toEqual(
      [
        [a, b, 255 - b, 255 - a],
        [c, d, 255 - d, 255 - c],
        [255 - c, 255 - d, d, c],
        [255 - a, 255 - b, b, a],
      ].flat(),
    );
  });
});

describe('a window', () => {
  test.each([
    [40, 30, 20, 15, { left: 3, top: 2, width: 9, height: 11 }],
    [7, 9, 33, 50, { left: 10, top: 0, width: 23, height: 50 }],
    [30, 20, 30, 9, { left: 29, top: 8, width: 1, height: 1 }],
    [30, 20, 11, 20, { left: 0, top: 5, width: 11, height: 4 }],
  ])('of %i×%i to %i×%i is that part of the whole', (width, height, toWidth, toHeight, window) => {
    const image = noise(7, width, height, 3);
    const whole = resizeBilinear(image, toWidth, toHeight);
    const part = resizeBilinear(image, toWidth, toHeight, window);
    const expected: number[] = [];
    for (let y = window.top; y < window.top + window.height; y++) {
      const start = (y * toWidth + window.left) * 3;
      expected.push(...whole.data.subarray(start, start + 3 * window.width));
    }
    expect([...part.data]).toEqual(expected);
    expect([part.width, part.height]).toEqual([window.width, window.height]);
  });
});

describe('invariants', () => {
  test('the same size is the same picture', () => {
    const image = noise(1, 9, 7, 3);
    expect(resizeBilinear(image, 9, 7).data).toEqual(image.data);
  });

  test.each([0, 1, 127, 254, 255])('a plain picture of level %i stays plain', (level) => {
    const image = { width: 31, height: 17, channels: 1, data: new Uint8Array(31 * 17).fill(level) };
    for (const [width, height] of [
      [28, 28],
      [5, 3],
      [64, 50],
    ]) {
      expect(new Set(resizeBilinear(image, width, height).data)).toEqual(new Set([level]));
    }
  });

  test('a picture turned on its side resizes to the result turned on its side', () => {
    const transpose = ({ width, height, channels, data }: ChannelImage): ChannelImage => ({
      width: height,
      height: width,
      channels,
      data: Uint8Array.from(data, (_, i) => data[(i % height) * width + Math.floor(i / height)]),
    });
    const image = noise(2, 20, 13, 1);
    const upright = resizeBilinear(image, 9, 28);
    const turned = transpose(resizeBilinear(transpose(image), 28, 9));
    // The passes run in the other order, and each rounds: one level apart at most.
    for (const [i, value] of upright.data.entries()) {
      expect(Math.abs(value - turned.data[i])).toBeLessThanOrEqual(1);
    }
  });

  test('the horizontal pass comes first', () => {
    const mean = (...data: number[]) =>
      resizeBilinear({ width: 2, height: 2, channels: 1, data: Uint8Array.from(data) }, 1, 1).data[0];
    // By rows: ½ → 1 and 1½ → 2, then 1½ → 2. By columns it would be 1 and 1, then 1.
    expect(mean(0, 1, 2, 1)).toBe(2);
    expect(mean(0, 2, 1, 1)).toBe(1);
  });

  test('the input is left as it was', () => {
    const image = noise(3, 12, 12, 1);
    const before = image.data.slice();
    resizeBilinear(image, 5, 5);
    expect(image.data).toEqual(before);
  });
});
