import type { ChannelImage } from '@softmargin/shared/images/picture.ts';
import type { Random } from '@softmargin/shared/random.ts';
import * as z from 'zod';

export const randomErasingSchema = z
  .strictObject({
    probability: z.number().min(0).max(1),
    /** The erased part of the picture's area, at least and at most. */
    smallest: z.number().positive().max(1).default(0.02),
    largest: z.number().positive().max(1).default(0.4),
    /** Flattest shape, height by width; the tallest is its inverse. */
    aspect: z.number().positive().max(1).default(0.3),
    /** With the channel means of the training set, or with a random value in each pixel. */
    fill: z.enum(['mean', 'pixel']).default('mean'),
  })
  .refine(({ smallest, largest }) => smallest <= largest, {
    path: ['smallest'],
    error: 'must not be above largest',
  });

export type RandomErasingSettings = z.infer<typeof randomErasingSchema>;

/** Draws of a rectangle before the picture is left as it is, as in the authors' code. */
const ATTEMPTS = 100;

/**
 * Random Erasing (Zhong et al., AAAI 2020, algorithm 1): with the probability given, a rectangle of random
 * area, shape and place is overwritten. A rectangle that does not fit is drawn again.
 *
 * As in the authors' code, the shape is drawn uniformly from [aspect, 1 / aspect].
 *
 * @param mean of each channel, in [0, 1]: the fill `mean`, to the nearest 8-bit level.
 */
export function randomErasing(
  image: ChannelImage,
  settings: RandomErasingSettings,
  mean: readonly number[],
  random: Random,
): ChannelImage {
  if (random.uniform() >= settings.probability) return image;
  const { width, height, channels } = image;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const area =
      width * height * (settings.smallest + random.uniform() * (settings.largest - settings.smallest));
    const shape = settings.aspect + random.uniform() * (1 / settings.aspect - settings.aspect);
    const erasedHeight = Math.round(Math.sqrt(area * shape));
    const erasedWidth = Math.round(Math.sqrt(area / shape));
    if (erasedHeight >= height || erasedWidth >= width) continue;
    const top = random.integer(height - erasedHeight + 1);
    const left = random.integer(width - erasedWidth + 1);
    const data = image.data.slice();
    for (let y = top; y < top + erasedHeight; y++) {
      for (let x = left; x < left + erasedWidth; x++) {
        for (let c = 0; c < channels; c++) {
          data[(y * width + x) * channels + c] =
            settings.fill === 'mean' ? Math.round(mean[c] * 255) : random.integer(256);
        }
      }
    }
    return { width, height, channels, data };
  }
  return image;
}
