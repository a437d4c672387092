import { createRandom } from '@softmargin/shared/random.ts';
import { expect, test } from 'vitest';
import { augment, augmentationSchema } from './augmentation.ts';
import { horizontalFlip } from './horizontal-flip.ts';

const image = {
  width: 8,
  height: 16,
  channels: 3,
  data: Uint8Array.from({ length: 384 }, (_, i) => (i * 29) % 256),
};
const mean = [0.1, 0.2, 0.3];

test('nothing asked for is the picture itself', () => {
  expect(augment(image, augmentationSchema.parse({}), mean, createRandom(1))).toBe(image);
});

test('a flip comes with its probability', () => {
  const flipped = horizontalFlip(image);
  const random = createRandom(1);
  let flips = 0;
  for (let i = 0; i < 1000; i++) {
    const result = augment(image, { horizontalFlip: 0.3 }, mean, random);
    if (result !== image) {
      flips++;
      expect(result).toEqual(flipped);
    }
  }
  expect(Math.abs(flips - 300)).toBeLessThan(5 * Math.sqrt(210));
});

test('what is erased is erased last: its fill is the mean, whatever was done before', () => {
  const augmentation = augmentationSchema.parse({
    horizontalFlip: 1,
    padAndCrop: 2,
    affine: { rotation: 20 },
    colourJitter: { brightness: 0.5, contrast: 0.5, saturation: 0.5, hue: 0.5 },
    randomErasing: { probability: 1, smallest: 0.2 },
  });
  const { data, ...size } = augment(image, augmentation, mean, createRandom(5));
  expect(size).toEqual({ width: 8, height: 16, channels: 3 });
  let filled = 0;
  for (let at = 0; at < data.length; at += 3) {
    filled += Number(data[at] === 26 && data[at + 1] === 51 && data[at + 2] === 77);
  }
  expect(filled).toBeGreaterThanOrEqual(0.18 * 128);
  expect(augment(image, augmentation, mean, createRandom(5)).data).toEqual(data);
});

test('a setting that there is not is refused', () => {
  expect(augmentationSchema.safeParse({ verticalFlip: 0.5 }).success).toBe(false);
  expect(augmentationSchema.safeParse({ horizontalFlip: 2 }).success).toBe(false);
});
