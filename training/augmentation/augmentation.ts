import type { ChannelImage } from '@softmargin/shared/images/picture.ts';
import type { Random } from '@softmargin/shared/random.ts';
import * as z from 'zod';
import { affineSchema, randomAffine } from './affine.ts';
import { colourJitter, colourJitterSchema } from './colour-jitter.ts';
import { horizontalFlip } from './horizontal-flip.ts';
import { padAndCrop } from './pad-and-crop.ts';
import { randomErasing, randomErasingSchema } from './random-erasing.ts';

/** How a recipe says what is done to a training picture. What is left out is not done. */
export const augmentationSchema = z.strictObject({
  /** The probability of a horizontal flip. */
  horizontalFlip: z.number().min(0).max(1).optional(),
  /** Pixels of padding on every side before the random crop back to the input size. */
  padAndCrop: z.int().min(0).optional(),
  affine: affineSchema.optional(),
  colourJitter: colourJitterSchema.optional(),
  randomErasing: randomErasingSchema.optional(),
});

export type Augmentation = z.infer<typeof augmentationSchema>;

/**
 * A random variant of a picture that already has the input size: flipped, padded and cropped, moved, its
 * colours changed, and partly erased, in that order.
 *
 * @param mean of each channel over the training set, in [0, 1]: what erasing may fill with.
 */
export function augment(
  image: ChannelImage,
  augmentation: Augmentation,
  mean: readonly number[],
  random: Random,
): ChannelImage {
  const { horizontalFlip: flip, padAndCrop: padding, affine, colourJitter: jitter } = augmentation;
  let result = image;
  if (flip !== undefined && random.uniform() < flip) result = horizontalFlip(result);
  if (padding !== undefined) result = padAndCrop(result, padding, random);
  if (affine !== undefined) result = randomAffine(result, affine, random);
  if (jitter !== undefined) result = colourJitter(result, jitter, random);
  if (augmentation.randomErasing !== undefined) {
    result = randomErasing(result, augmentation.randomErasing, mean, random);
  }
  return result;
}
