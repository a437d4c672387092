import sharp from 'sharp';
import type { ImageDataset } from '../datasets/dataset.ts';

/** One picture of a data set as a PNG file. */
export function pngOf({ pixels, height, width, channels }: ImageDataset, index: number): Promise<Buffer> {
  const size = height * width * channels;
  const raw = { width, height, channels };
  return sharp(pixels.subarray(index * size, (index + 1) * size), { raw })
    .png()
    .toBuffer();
}
