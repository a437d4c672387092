import { describe, expect, test } from 'vitest';
import { expectAllClose } from '../../test/allclose.ts';
import { createRandom } from '../random.ts';
import type { Picture } from './picture.ts';
import { normalise, type PreprocessingRule, preprocess } from './preprocess.ts';
import { resizeBilinear } from './resize.ts';

function rule(
  height: number,
  width: number,
  channels: 1 | 3,
  preprocessing: Partial<PreprocessingRule['preprocessing']> = {},
): PreprocessingRule {
  return {
    input: { height, width, channels },
    preprocessing: {
      resize: 'bilinear-antialiased',
      invert: 'never',
      mean: Array(channels).fill(0),
      deviation: Array(channels).fill(1),
      ...preprocessing,
    },
  };
}

const picture = (width: number, height: number, pixels: number[]): Picture => ({
  width,
  height,
  data: Uint8Array.from(pixels),
});

/** Every pixel of this grey. */
const gray = (width: number, height: number, level: (x: number, y: number) => number): Picture =>
  picture(
    width,
    height,
    Array.from({ length: width * height }, (_, i) => {
      const value = level(i % width, Math.floor(i / width));
      return [value, value, value, 255];
    }).flat(),
  );

describe('grayscale', () => {
  test('the luma of ITU-R 601, rounded', () => {
    const random = createRandom(1);
    const pixels = Array.from({ length: 400 }, () => random.integer(256));
    const values = preprocess(picture(10, 10, pixels), rule(10, 10, 1));
    const luma = Array.from({ length: 100 }, (_, i) => {
      const [r, g, b] = pixels.slice(4 * i, 4 * i + 3);
      return 0.299 * r + 0.587 * g + 0.114 * b;
    });
    // Half a level of rounding, and the error of coefficients in 16 bits.
    for (const [i, value] of luma.entries()) expect(Math.abs(values[i] * 255 - value)).toBeLessThan(0.502);
  });

  test('pure colours as Pillow’s convert("L") has them', () => {
    const values = preprocess(
      picture(5, 1, [
        ...[255, 0, 0, 255],
        ...[0, 255, 0, 255],
        ...[0, 0, 255, 255],
        ...[255, 255, 255, 255],
        ...[0, 0, 0, 255],
      ]),
      rule(1, 5, 1),
    );
    expectAllClose(values, [76 / 255, 150 / 255, 29 / 255, 1, 0], 1e-6);
  });

  test('a grey stays the grey it is', () => {
    for (let level = 0; level < 256; level++) {
      expectAllClose(
        preprocess(
          gray(1, 1, () => level),
          rule(1, 1, 1),
        ),
        [level / 255],
        1e-6,
      );
    }
  });
});

describe('colour', () => {
  test('pixels row by row, channels side by side, alpha dropped', () => {
    const values = preprocess(
      picture(2, 2, [1, 2, 3, 0, 4, 5, 6, 100, 7, 8, 9, 200, 10, 11, 12, 255]),
      rule(2, 2, 3),
    );
    expectAllClose(
      values,
      Array.from({ length: 12 }, (_, i) => (i + 1) / 255),
      1e-7,
    );
  });

  test('what is transparent counts as the colour it has', () => {
    const opaque = preprocess(picture(2, 1, [200, 100, 50, 255, 0, 10, 20, 255]), rule(1, 1, 3));
    const clear = preprocess(picture(2, 1, [200, 100, 50, 0, 0, 10, 20, 255]), rule(1, 1, 3));
    expect(clear).toEqual(opaque);
    expectAllClose(clear, [100 / 255, 55 / 255, 35 / 255], 1e-6);
  });

  test('a Uint8ClampedArray, as a canvas gives it, is the same picture', () => {
    const pixels = [1, 2, 3, 255, 250, 240, 230, 255];
    const clamped = { width: 2, height: 1, data: Uint8ClampedArray.from(pixels) };
    expect(preprocess(clamped, rule(3, 3, 3))).toEqual(preprocess(picture(2, 1, pixels), rule(3, 3, 3)));
  });
});

describe('size', () => {
  test('height is height and width is width', () => {
    const values = preprocess(
      gray(6, 4, (x) => 40 * x),
      rule(4, 3, 1),
    );
    const resized = resizeBilinear(
      { width: 6, height: 4, channels: 1, data: Uint8Array.from({ length: 24 }, (_, i) => 40 * (i % 6)) },
      3,
      4,
    );
    expectAllClose(
      values,
      [...resized.data].map((value) => value / 255),
      1e-6,
    );
  });

  test.each([
    [1, 1],
    [1, 50],
    [50, 1],
  ])('a picture of %i×%i fills any input', (width, height) => {
    const values = preprocess(
      gray(width, height, () => 51),
      rule(28, 28, 1),
    );
    expect(values.length).toBe(28 * 28);
    expect(new Set(values)).toEqual(new Set([Math.fround(0.2)]));
  });
});

describe('alpha on a background', () => {
  test('each channel is mixed by alpha', () => {
    const background = [200, 100, 0];
    const values = preprocess(
      picture(3, 1, [10, 20, 30, 255, 10, 20, 30, 0, 10, 20, 30, 51]),
      rule(1, 3, 3, { background }),
    );
    const mixed = [10, 20, 30].map((value, c) => Math.round(0.2 * value + 0.8 * background[c]));
    expectAllClose(
      values,
      [10, 20, 30, ...background, ...mixed].map((value) => value / 255),
      1e-6,
    );
  });
});

describe('shorter side and centre crop', () => {
  /** torchvision: the longer side truncated, the crop's corner by Python's round, half to even. */
  test.each([
    ['no resize, an odd margin of 3', 8, 11, 8, 8, 0, 2],
    ['no resize, an odd margin of 5', 8, 13, 8, 8, 0, 2],
    ['no resize, across', 12, 8, 8, 6, 3, 1],
  ])('%s', (_, width, height, shorterSide, side, left, top) => {
    const values = preprocess(
      gray(width, height, (x, y) => 10 * y + x),
      rule(side, side, 1, { shorterSide }),
    );
    expect(Math.round(values[0] * 255)).toBe(10 * top + left);
    expect(Math.round(values[side * side - 1] * 255)).toBe(10 * (top + side - 1) + left + side - 1);
  });

  test('resized by the shorter side', () => {
    const wide = gray(40, 20, (x, y) => (5 * x + 3 * y) % 256);
    const values = preprocess(wide, rule(8, 8, 1, { shorterSide: 10 }));
    const levels = Uint8Array.from({ length: 800 }, (_, i) => wide.data[4 * i]);
    const { data } = resizeBilinear({ width: 40, height: 20, channels: 1, data: levels }, 20, 10);
    const expected = Array.from({ length: 64 }, (_, i) => data[(1 + Math.floor(i / 8)) * 20 + 6 + (i % 8)]);
    expect(Array.from(values, (value) => Math.round(value * 255))).toEqual(expected);
  });
});

describe('inversion', () => {
  const inverting = (height: number, width: number, channels: 1 | 3 = 1) =>
    rule(height, width, channels, { invert: 'bright-border' });

  test('ink on paper becomes light on dark', () => {
    const ink = gray(3, 3, (x, y) => (x === 1 && y === 1 ? 55 : 255));
    const expected = Array(9)
      .fill(0)
      .with(4, 200 / 255);
    expectAllClose(preprocess(ink, inverting(3, 3)), expected, 1e-6);
  });

  test('light on dark stays, and so does everything under "never"', () => {
    const light = gray(3, 3, (x, y) => (x === 1 && y === 1 ? 255 : 10));
    expect(preprocess(light, inverting(3, 3))).toEqual(preprocess(light, rule(3, 3, 1)));
    const paper = gray(3, 3, () => 255);
    expect(preprocess(paper, rule(3, 3, 1))).toEqual(new Float32Array(9).fill(1));
  });

  test('only the border decides, and middle grey is not bright', () => {
    // A bright inside within a dark border.
    const framed = gray(5, 5, (x, y) => (x % 4 === 0 || y % 4 === 0 ? 0 : 255));
    expect(preprocess(framed, inverting(5, 5))).toEqual(preprocess(framed, rule(5, 5, 1)));
    // A border of eight pixels: four of 127 and four of 128 make exactly 127.5.
    const middle = gray(3, 3, (x, y) => (y === 0 || (y === 1 && x === 0) ? 127 : 128));
    expect(preprocess(middle, inverting(3, 3))).toEqual(preprocess(middle, rule(3, 3, 1)));
    const brighter = gray(3, 3, (x, y) => (y === 0 ? 127 : x === 1 && y === 1 ? 0 : 128));
    expect(preprocess(brighter, inverting(3, 3))[4]).toBe(1);
  });

  test('each side of the border counts, each corner once', () => {
    // 4×3: a border of 10 pixels, 6 bright ones (210) against 4 dark ones is a mean of 126: not inverted.
    // A corner counted twice would tip it.
    const bright = new Set(['0,0', '3,0', '0,2', '3,2', '1,0', '2,0']);
    const image = gray(4, 3, (x, y) => (bright.has(`${x},${y}`) ? 210 : 0));
    expect(preprocess(image, inverting(3, 4))).toEqual(preprocess(image, rule(3, 4, 1)));
    for (const [x, y] of [
      [1, 2],
      [2, 2],
      [0, 1],
      [3, 1],
    ]) {
      const one = gray(4, 3, (u, v) => (bright.has(`${u},${v}`) || (u === x && v === y) ? 210 : 0));
      expect(preprocess(one, inverting(3, 4))[0]).toBe(Math.fround(45 / 255));
    }
  });

  test.each([
    [1, 1],
    [1, 6],
    [6, 1],
    [2, 2],
  ])('of %i×%i, which is all border', (width, height) => {
    const values = preprocess(
      gray(width, height, () => 255),
      inverting(height, width),
    );
    expect(values).toEqual(new Float32Array(width * height));
  });

  test('of colours: each channel, by the mean of all', () => {
    const values = preprocess(picture(1, 1, [255, 255, 0, 255]), inverting(1, 1, 3));
    expect([...values]).toEqual([0, 0, 1]);
  });
});

describe('normalisation', () => {
  test('(value / 255 − mean) / deviation, by channel', () => {
    const mean = [0.485, 0.456, 0.406];
    const deviation = [0.229, 0.224, 0.225];
    const values = preprocess(picture(2, 1, [10, 20, 30, 255, 40, 50, 60, 255]), {
      ...rule(1, 2, 3, { mean, deviation }),
    });
    const expected = [10, 20, 30, 40, 50, 60].map(
      (value, i) => (value / 255 - mean[i % 3]) / deviation[i % 3],
    );
    expectAllClose(values, expected, 1e-6);
  });

  test('is the last step of preprocess', () => {
    const preprocessing = { mean: [0.1], deviation: [0.5] };
    const data = Uint8Array.from([0, 51, 255]);
    expectAllClose(normalise({ data, channels: 1 }, preprocessing), [-0.2, 0.2, 1.8], 1e-6);
    const image = gray(3, 1, (x) => data[x]);
    expect(preprocess(image, rule(1, 3, 1, preprocessing))).toEqual(
      normalise({ data, channels: 1 }, preprocessing),
    );
  });
});
