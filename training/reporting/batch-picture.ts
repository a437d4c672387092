import type { Manifest } from '@softmargin/shared/bundle/manifest.ts';
import sharp from 'sharp';
import type { Batch } from '../loading/prepare-batch.ts';
import type { EncodedPicture } from './tensorboard/event-file.ts';

const ROWS = 4;
const COLUMNS = 8;

/** The first pictures of a batch in rows, as the network gets them but for the normalisation. */
export async function batchPicture(
  { images, shape: [count, height, width, channels] }: Pick<Batch, 'images' | 'shape'>,
  { preprocessing: { mean, deviation } }: Manifest,
): Promise<EncodedPicture> {
  const shown = Math.min(count, ROWS * COLUMNS);
  const columns = Math.min(shown, COLUMNS);
  const rows = Math.ceil(shown / columns);
  const sheet = new Uint8ClampedArray(rows * height * columns * width * channels);
  for (let i = 0; i < shown; i++) {
    const [left, top] = [(i % columns) * width, Math.floor(i / columns) * height];
    for (let y = 0; y < height; y++) {
      for (let k = 0; k < width * channels; k++) {
        const c = k % channels;
        const value = images[(i * height + y) * width * channels + k] * deviation[c] + mean[c];
        sheet[((top + y) * columns * width + left) * channels + k] = Math.round(255 * value);
      }
    }
  }
  const size = { width: columns * width, height: rows * height, channels: channels as 1 | 3 };
  return { ...size, file: await sharp(sheet, { raw: size }).png().toBuffer() };
}
