import { createRandom } from '@softmargin/shared/random.ts';
import { describe, expect, test } from 'vitest';
import { colourJitter, colourJitterSchema } from './colour-jitter.ts';

const image = {
  width: 2,
  height: 2,
  channels: 3,
  data: Uint8Array.of(200, 100, 50, 10, 20, 30, 128, 128, 128, 0, 255, 90),
};

/** A draw that is always `part` of its limit, from −1 to 1; the probability is drawn first, and passes. */
function always(part: number) {
  let first = true;
  const uniform = () => {
    const value = first ? 0 : (part + 1) / 2;
    first = false;
    return value;
  };
  return { ...createRandom(1), uniform };
}

const jitter = (settings: Parameters<typeof colourJitterSchema.parse>[0], part: number, of = image) => [
  ...colourJitter(of, colourJitterSchema.parse(settings), always(part)).data,
];
const clamped = (values: number[]) => values.map((value) => Math.min(255, Math.max(0, Math.round(value))));
const pixels = [0, 3, 6, 9].map((at) => [...image.data.subarray(at, at + 3)]);
const luma = ([r, g, b]: number[]) => 0.299 * r + 0.587 * g + 0.114 * b;

describe('by hand', () => {
  test('brightness multiplies', () => {
    expect(jitter({ brightness: 0.5 }, 1)).toEqual(clamped([...image.data].map((value) => value * 1.5)));
    expect(jitter({ brightness: 0.5 }, -1)).toEqual(clamped([...image.data].map((value) => value * 0.5)));
  });

  test('contrast spreads about the mean luma of the picture', () => {
    const mean = pixels.map(luma).reduce((sum, value) => sum + value, 0) / 4;
    expect(jitter({ contrast: 0.4 }, 1)).toEqual(
      clamped([...image.data].map((value) => mean + 1.4 * (value - mean))),
    );
    expect(new Set(jitter({ contrast: 1 }, -1))).toEqual(new Set([Math.round(mean)]));
  });

  test('saturation spreads about the luma of the pixel', () => {
    expect(jitter({ saturation: 0.5 }, -1)).toEqual(
      clamped(pixels.flatMap((pixel) => pixel.map((value) => luma(pixel) + 0.5 * (value - luma(pixel))))),
    );
  });

  test('a third of the circle of hues passes the channels on', () => {
    expect(jitter({ hue: 0.5 }, 2 / 3)).toEqual(pixels.flatMap(([r, g, b]) => [b, r, g]));
    expect(jitter({ hue: 0.5 }, -2 / 3)).toEqual(pixels.flatMap(([r, g, b]) => [g, b, r]));
  });

  test('half of the circle turns each channel to the other end of its range', () => {
    // In HSV of equal value and chroma, the opposite hue mirrors each channel between the smallest and largest.
    const opposite = pixels.flatMap((pixel) => {
      const [low, high] = [Math.min(...pixel), Math.max(...pixel)];
      return pixel.map((value) => low + high - value);
    });
    expect(jitter({ hue: 0.5 }, 1)).toEqual(opposite);
  });
});

test('nothing asked for is nothing done', () => {
  expect(jitter({}, 1)).toEqual([...image.data]);
  expect(jitter({ probability: 0, brightness: 1 }, 1)).toEqual([...image.data]);
});

test('grey has brightness and contrast only', () => {
  const grey = { width: 3, height: 1, channels: 1, data: Uint8Array.of(0, 100, 200) };
  expect(jitter({ brightness: 0.1, saturation: 1, hue: 0.5 }, 1, grey)).toEqual([0, 110, 220]);
  expect(jitter({ contrast: 0.5 }, -1, grey)).toEqual([50, 100, 150]);
});

test('factors are uniform within their limits, and done with the probability given', () => {
  const flat = { width: 1, height: 1, channels: 1, data: Uint8Array.of(100) };
  const settings = colourJitterSchema.parse({ probability: 0.5, brightness: 0.4 });
  const random = createRandom(8);
  const values = Array.from({ length: 2000 }, () => colourJitter(flat, settings, random));
  const changed = values.filter((drawn) => drawn !== flat).map(({ data }) => data[0]);
  expect(Math.abs(changed.length - 1000)).toBeLessThan(5 * Math.sqrt(500));
  expect([Math.min(...changed), Math.max(...changed)]).toEqual([60, 140]);
  const mean = changed.reduce((sum, value) => sum + value, 0) / changed.length;
  expect(Math.abs(mean - 100)).toBeLessThan((5 * 40) / Math.sqrt(3 * changed.length));
});

test('brightness and contrast come in either order', () => {
  const settings = colourJitterSchema.parse({ brightness: 0.9, contrast: 0.9 });
  const drawn = new Set<string>();
  for (let seed = 0; seed < 30; seed++) {
    drawn.add(
      colourJitter(image, settings, {
        ...always(1),
        permutation: createRandom(seed).permutation,
      }).data.join(),
    );
  }
  expect(drawn.size).toBe(2);
});
