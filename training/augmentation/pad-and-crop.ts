import type { ChannelImage } from '@softmargin/shared/images/picture.ts';
import type { Random } from '@softmargin/shared/random.ts';

/**
 * The picture with `padding` black pixels on every side, cropped to its own size again at a uniformly drawn
 * place: a shift by −padding to padding whole pixels in each direction.
 */
export function padAndCrop(image: ChannelImage, padding: number, random: Random): ChannelImage {
  const { width, height, channels, data } = image;
  const left = random.integer(2 * padding + 1) - padding;
  const top = random.integer(2 * padding + 1) - padding;
  const cropped = new Uint8Array(data.length);
  const firstX = Math.max(0, -left);
  const endX = Math.min(width, width - left);
  for (let y = Math.max(0, -top); y < Math.min(height, height - top) && firstX < endX; y++) {
    const from = ((y + top) * width + firstX + left) * channels;
    const to = (y * width + firstX) * channels;
    cropped.set(data.subarray(from, from + (endX - firstX) * channels), to);
  }
  return { width, height, channels, data: cropped };
}
