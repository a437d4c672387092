import type { Picture } from '@softmargin/shared/images/picture.ts';
import sharp from 'sharp';

// Threads of ours decode side by side, each its own picture; a data set does not fit into a cache.
sharp.concurrency(1);
sharp.cache(false);

/**
 * Decodes a picture file to upright 8-bit RGBA, as the service does: EXIF orientation is undone, colour
 * profiles are ignored. JPEG is decoded at full size, never shrunk while loading: what is trained on is then
 * resized by the same code that serves.
 *
 * @throws {Error} if the file is missing, truncated or damaged, or is no picture.
 */
export async function decodeFile(path: string): Promise<Picture> {
  const { data, info } = await sharp(path, { failOn: 'error', ignoreIcc: true })
    .autoOrient()
    .toColourspace('srgb')
    .ensureAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  return { width: info.width, height: info.height, data };
}
