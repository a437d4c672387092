import sharp from 'sharp';
import type { Dataset } from '../datasets/dataset.ts';

/** Height of a picture file's copy in pixels; pictures in memory are small already. */
const HEIGHT = 96;

/** One picture of a data set as a PNG file. */
export function pngOf(dataset: Dataset, index: number): Promise<Buffer> {
  if ('paths' in dataset) {
    return sharp(dataset.paths[index]).rotate().resize({ height: HEIGHT }).png().toBuffer();
  }
  const { pixels, height, width, channels } = dataset;
  const size = height * width * channels;
  const raw = { width, height, channels };
  return sharp(pixels.subarray(index * size, (index + 1) * size), { raw })
    .png()
    .toBuffer();
}
