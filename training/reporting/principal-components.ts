import { createRandom } from '@softmargin/shared/random.ts';

/** Iterations of which each turns the direction closer to the component; more change no picture. */
const ITERATIONS = 60;
const START_SEED = 1;

/**
 * Rows projected on their first two principal components, about their mean: [n, 2]. By power iteration on the
 * covariance, which is never built, with the first component taken out of the second.
 *
 * @param features [n, dimension], row-major.
 */
export function principalPlane(features: Float32Array, count: number, dimension: number): Float32Array {
  const mean = new Float64Array(dimension);
  for (let i = 0; i < features.length; i++) mean[i % dimension] += features[i] / count;

  const random = createRandom(START_SEED);
  const components: Float64Array[] = [];
  const onto = (direction: Float64Array) =>
    Float64Array.from({ length: count }, (_, i) => {
      let sum = 0;
      for (let k = 0; k < dimension; k++) sum += (features[i * dimension + k] - mean[k]) * direction[k];
      return sum;
    });
  for (let axis = 0; axis < Math.min(2, dimension); axis++) {
    let direction = unit(
      Float64Array.from({ length: dimension }, () => random.normal()),
      components,
    );
    for (let iteration = 0; iteration < ITERATIONS; iteration++) {
      const projected = onto(direction);
      const turned = new Float64Array(dimension);
      for (let i = 0; i < count; i++) {
        for (let k = 0; k < dimension; k++) {
          turned[k] += (features[i * dimension + k] - mean[k]) * projected[i];
        }
      }
      // No variance is left: any direction will do.
      if (turned.every((value) => value === 0)) break;
      direction = unit(turned, components);
    }
    components.push(direction);
  }
  const plane = new Float32Array(2 * count);
  for (const [axis, direction] of components.entries()) {
    for (const [i, value] of onto(direction).entries()) plane[2 * i + axis] = value;
  }
  return plane;
}

/** The direction without its part along the others, at unit length. */
function unit(direction: Float64Array, others: readonly Float64Array[]): Float64Array {
  for (const other of others) {
    const along = direction.reduce((sum, value, k) => sum + value * other[k], 0);
    for (let k = 0; k < direction.length; k++) direction[k] -= along * other[k];
  }
  const length = Math.sqrt(direction.reduce((sum, value) => sum + value * value, 0));
  return direction.map((value) => value / (length || 1));
}
