import { createRandom } from '@softmargin/shared/random.ts';
import { describe, expect, test } from 'vitest';
import { randomErasing, randomErasingSchema } from './random-erasing.ts';

const [WIDTH, HEIGHT] = [64, 128];
const image = { width: WIDTH, height: HEIGHT, channels: 3, data: new Uint8Array(WIDTH * HEIGHT * 3).fill(1) };
const mean = [0.5, 0.25, 0.75];

/** The smallest rectangle around the pixels that changed. */
function erased(data: Uint8Array) {
  let [left, top, right, bottom] = [WIDTH, HEIGHT, -1, -1];
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      if (data[(y * WIDTH + x) * 3] === 1) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y);
    }
  }
  return { left, top, width: right - left + 1, height: bottom - top + 1 };
}

test('by default it is what Zhong et al. use', () => {
  expect(randomErasingSchema.parse({ probability: 0.5 })).toEqual({
    probability: 0.5,
    smallest: 0.02,
    largest: 0.4,
    aspect: 0.3,
    fill: 'mean',
  });
  expect(randomErasingSchema.safeParse({ probability: 1, smallest: 0.5 }).success).toBe(false);
});

test('is done with the probability given', () => {
  const settings = randomErasingSchema.parse({ probability: 0.3 });
  const random = createRandom(1);
  let count = 0;
  for (let i = 0; i < 1000; i++) count += Number(randomErasing(image, settings, mean, random) !== image);
  expect(Math.abs(count - 300)).toBeLessThan(5 * Math.sqrt(1000 * 0.3 * 0.7));
});

describe('the rectangle', () => {
  const settings = randomErasingSchema.parse({ probability: 1, smallest: 0.05, largest: 0.25 });
  const random = createRandom(2);
  const rectangles = Array.from({ length: 400 }, () => randomErasing(image, settings, mean, random)).map(
    ({ data }) => {
      const rectangle = erased(data);
      // It is whole, and nothing else changed.
      const { left, top, width, height } = rectangle;
      for (let y = 0; y < HEIGHT; y++) {
        for (let x = 0; x < WIDTH; x++) {
          const inside = x >= left && x < left + width && y >= top && y < top + height;
          const at = (y * WIDTH + x) * 3;
          const expected = inside ? [128, 64, 191] : [1, 1, 1];
          if (data[at] !== expected[0] || data[at + 1] !== expected[1] || data[at + 2] !== expected[2]) {
            throw new Error(`pixel ${x}, ${y} is ${data.subarray(at, at + 3)}`);
          }
        }
      }
      return rectangle;
    },
  );

  test('has an area within the limits, on average their middle', () => {
    const areas = rectangles.map(({ width, height }) => (width * height) / (WIDTH * HEIGHT));
    expect(Math.min(...areas)).toBeGreaterThan(0.045);
    expect(Math.max(...areas)).toBeLessThan(0.26);
    // Flat and large ones do not fit, and are drawn again: the mean is a little below 0.15.
    const average = areas.reduce((sum, area) => sum + area, 0) / areas.length;
    expect(average).toBeGreaterThan(0.12);
    expect(average).toBeLessThan(0.155);
  });

  test('has a shape within the limits, both ways', () => {
    const shapes = rectangles.map(({ width, height }) => height / width);
    // To whole pixels: a side of about 13 pixels may be off by half of one.
    expect(Math.min(...shapes)).toBeGreaterThan(0.3 * 0.93);
    expect(Math.max(...shapes)).toBeLessThan((1 / 0.3) * 1.07);
    expect(shapes.filter((shape) => shape < 1).length).toBeGreaterThan(20);
    expect(shapes.filter((shape) => shape > 1).length).toBeGreaterThan(200);
  });

  test('is anywhere in the picture, up to its edges', () => {
    expect(Math.min(...rectangles.map(({ left }) => left))).toBeLessThan(3);
    expect(Math.min(...rectangles.map(({ top }) => top))).toBeLessThan(5);
    expect(Math.max(...rectangles.map(({ left, width }) => left + width))).toBeGreaterThan(WIDTH - 3);
    expect(Math.max(...rectangles.map(({ top, height }) => top + height))).toBeGreaterThan(HEIGHT - 5);
  });
});

test('the fill "pixel" is noise, each pixel and channel its own', () => {
  const settings = randomErasingSchema.parse({ probability: 1, smallest: 0.3, fill: 'pixel' });
  const { data } = randomErasing(
    { ...image, data: new Uint8Array(image.data.length) },
    settings,
    mean,
    createRandom(3),
  );
  const values = data.filter((value) => value > 0);
  const average = values.reduce((sum, value) => sum + value, 0) / values.length;
  expect(Math.abs(average - 128)).toBeLessThan(5);
  expect(new Set(values).size).toBe(255);
  // A picture too thin for any rectangle is left as it is.
  const thin = { width: 1, height: 1, channels: 3, data: Uint8Array.of(1, 2, 3) };
  expect(randomErasing(thin, settings, mean, createRandom(3))).toBe(thin);
});

test('the input is left as it was', () => {
  const before = image.data.slice();
  randomErasing(image, randomErasingSchema.parse({ probability: 1 }), mean, createRandom(1));
  expect(image.data).toEqual(before);
});
