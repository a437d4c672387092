import type { Picture } from '@softmargin/shared/images/picture.ts';
import type { ImageDataset } from './dataset.ts';

/** One picture of a data set, as a decoder would give it. */
export function pictureAt(dataset: ImageDataset, index: number): Picture {
  const { height, width, channels, pixels } = dataset;
  const size = height * width;
  const data = new Uint8Array(4 * size).fill(255);
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < 3; c++) data[4 * i + c] = pixels[(index * size + i) * channels + (c % channels)];
  }
  return { width, height, data };
}
