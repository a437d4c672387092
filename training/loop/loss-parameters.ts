import type { BundleTensor } from '@softmargin/shared/bundle/bundle.ts';
import {
  initialLossParameter,
  type LossParameter,
  type LossParameterName,
} from '@softmargin/shared/losses/parameters.ts';
import { createRandom } from '@softmargin/shared/random.ts';
import type { Recipe } from '../recipes/recipe.ts';

/** Streams of the run's seed. */
const STREAMS: Record<LossParameterName, number> = { classWeights: 12, classBias: 13, centres: 14 };

/**
 * What the losses' own parameters start from.
 *
 * @throws {RangeError} if class weights are to be spread over a circle and the embedding is not in the plane.
 */
export function initialLossParameters(
  { classWeights, seed }: Recipe,
  parameters: readonly LossParameter[],
): Map<string, BundleTensor> {
  return new Map(
    parameters.map((parameter) => {
      const { name, shape } = parameter;
      const even = name === 'classWeights' && classWeights === 'even-on-circle';
      const data = even
        ? evenlyOnCircle(shape)
        : initialLossParameter(parameter, createRandom(seed, STREAMS[name]));
      return [name, { shape, data }];
    }),
  );
}

function evenlyOnCircle([classes, dimension]: readonly number[]): Float32Array {
  if (dimension !== 2) {
    throw new RangeError(`classWeights "even-on-circle" needs 2 dimensions, the model has ${dimension}.`);
  }
  const data = new Float32Array(2 * classes);
  for (let c = 0; c < classes; c++) {
    data[2 * c] = Math.cos((2 * Math.PI * c) / classes);
    data[2 * c + 1] = Math.sin((2 * Math.PI * c) / classes);
  }
  return data;
}
