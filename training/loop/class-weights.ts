import type { BundleTensor } from '@softmargin/shared/bundle/bundle.ts';
import { createRandom } from '@softmargin/shared/random.ts';
import type { Recipe } from '../recipes/recipe.ts';

const CLASS_WEIGHT_STREAM = 12;

/**
 * The directions class weights start from: [classes, dimension], of unit length on average.
 *
 * @throws {RangeError} if they are to be spread over a circle and the embedding is not in the plane.
 */
export function initialClassWeights(
  { classWeights, seed }: Recipe,
  classes: number,
  dimension: number,
): BundleTensor {
  const data = new Float32Array(classes * dimension);
  if (classWeights === 'random') {
    const random = createRandom(seed, CLASS_WEIGHT_STREAM);
    for (let i = 0; i < data.length; i++) data[i] = random.normal() / Math.sqrt(dimension);
  } else {
    if (dimension !== 2) {
      throw new RangeError(`classWeights "even-on-circle" needs 2 dimensions, the model has ${dimension}.`);
    }
    for (let c = 0; c < classes; c++) {
      data[2 * c] = Math.cos((2 * Math.PI * c) / classes);
      data[2 * c + 1] = Math.sin((2 * Math.PI * c) / classes);
    }
  }
  return { shape: [classes, dimension], data };
}
