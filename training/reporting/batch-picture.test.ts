import type { Manifest } from '@softmargin/shared/bundle/manifest.ts';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { batchPicture } from './batch-picture.ts';

test('pictures stand in rows of eight, with their colours', async () => {
  const mean = [0.1, 0.5, 0.6];
  const deviation = [0.2, 0.3, 0.5];
  const [count, height, width, channels] = [10, 2, 3, 3] as const;
  // Pixel (y, x) of picture i has the channel values i, 10 y + x and 200.
  const colourAt = (i: number, y: number, x: number) => [i, 10 * y + x, 200];
  const images = new Float32Array(count * height * width * channels);
  for (let at = 0; at < images.length; at++) {
    const c = at % channels;
    const x = Math.floor(at / channels) % width;
    const y = Math.floor(at / channels / width) % height;
    const i = Math.floor(at / channels / width / height);
    images[at] = (colourAt(i, y, x)[c] / 255 - mean[c]) / deviation[c];
  }
  const picture = await batchPicture({ images, shape: [count, height, width, channels] }, {
    preprocessing: { mean, deviation },
  } as Manifest);
  expect([picture.width, picture.height, picture.channels]).toEqual([24, 4, 3]);
  const { data } = await sharp(picture.file).raw().toBuffer({ resolveWithObject: true });
  for (let i = 0; i < count; i++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const at = ((Math.floor(i / 8) * height + y) * 24 + (i % 8) * width + x) * 3;
        expect([...data.subarray(at, at + 3)]).toEqual(colourAt(i, y, x));
      }
    }
  }
});
