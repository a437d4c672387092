import type { ChannelImage } from '@softmargin/shared/images/picture.ts';
import type { Random } from '@softmargin/shared/random.ts';
import * as z from 'zod';

export const affineSchema = z.strictObject({
  /** Largest rotation in degrees, either way. */
  rotation: z.number().min(0).max(180).default(0),
  /** Largest change of size as a fraction, either way. */
  scaling: z.number().min(0).lt(1).default(0),
  /** Largest shear, either way: how many pixels the picture leans for each pixel of its height. */
  shear: z.number().min(0).lt(1).default(0),
  /** Largest shift in pixels, either way and in each direction. */
  shift: z.number().min(0).default(0),
});

export type AffineSettings = z.infer<typeof affineSchema>;

/**
 * The picture sheared, then rotated, scaled and shifted about its middle, each by a uniform draw, and
 * sampled bilinearly; outside of the picture is 0.
 */
export function randomAffine(image: ChannelImage, settings: AffineSettings, random: Random): ChannelImage {
  const within = (limit: number) => (2 * random.uniform() - 1) * limit;
  const angle = (within(settings.rotation) * Math.PI) / 180;
  const size = 1 + within(settings.scaling);
  const shear = within(settings.shear);
  const shiftX = within(settings.shift);
  const shiftY = within(settings.shift);

  const { width, height, channels, data } = image;
  const cos = Math.cos(angle) / size;
  const sin = Math.sin(angle) / size;
  const centreX = (width - 1) / 2;
  const centreY = (height - 1) / 2;
  const at = (x: number, y: number, c: number) =>
    x < 0 || y < 0 || x >= width || y >= height ? 0 : data[(y * width + x) * channels + c];

  const moved = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      // From the target back to the source: the inverse of each movement, in the opposite order.
      const dx = x - centreX - shiftX;
      const dy = y - centreY - shiftY;
      const upright = cos * dy - sin * dx;
      const sx = centreX + cos * dx + sin * dy - shear * upright;
      const sy = centreY + upright;
      const x0 = Math.floor(sx);
      const y0 = Math.floor(sy);
      const fx = sx - x0;
      const fy = sy - y0;
      const to = (y * width + x) * channels;
      if (x0 >= 0 && y0 >= 0 && x0 + 1 < width && y0 + 1 < height) {
        const upper = (y0 * width + x0) * channels;
        const lower = upper + width * channels;
        for (let c = 0; c < channels; c++) {
          const top = (1 - fx) * data[upper + c] + fx * data[upper + channels + c];
          const bottom = (1 - fx) * data[lower + c] + fx * data[lower + channels + c];
          moved[to + c] = Math.round((1 - fy) * top + fy * bottom);
        }
      } else if (x0 >= -1 && y0 >= -1 && x0 < width && y0 < height) {
        for (let c = 0; c < channels; c++) {
          const top = (1 - fx) * at(x0, y0, c) + fx * at(x0 + 1, y0, c);
          const bottom = (1 - fx) * at(x0, y0 + 1, c) + fx * at(x0 + 1, y0 + 1, c);
          moved[to + c] = Math.round((1 - fy) * top + fy * bottom);
        }
      }
    }
  }
  return { width, height, channels, data: moved };
}
