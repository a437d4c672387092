/** How classes lie on the circle or the sphere, in degrees. */
export interface ClassGeometry {
  /** Mean over items of the angle to the centre of their class: the mean direction of its items. */
  readonly angleToCentre: number;
  /** Between the two centres that are closest. */
  readonly angleBetweenCentres: number;
}

/**
 * @param features row-major; their lengths do not matter.
 * @param classes of each item, 0 to C − 1, every one with an item.
 */
export function classGeometry(features: Float32Array, classes: Int32Array): ClassGeometry {
  const dimension = features.length / classes.length;
  const count = Math.max(...classes) + 1;
  const directions = Array.from(classes, (_, i) =>
    unit(features.subarray(i * dimension, (i + 1) * dimension)),
  );
  const sums = Array.from({ length: count }, () => new Float64Array(dimension));
  for (const [i, label] of classes.entries()) {
    for (let k = 0; k < dimension; k++) sums[label][k] += directions[i][k];
  }
  const centres = sums.map(unit);
  const toOwn = directions.map((direction, i) => angle(direction, centres[classes[i]]));
  let smallest = 180;
  for (let a = 0; a < count; a++) {
    for (let b = 0; b < a; b++) smallest = Math.min(smallest, angle(centres[a], centres[b]));
  }
  return {
    angleToCentre: toOwn.reduce((sum, value) => sum + value, 0) / toOwn.length,
    angleBetweenCentres: smallest,
  };
}

function unit(vector: Float32Array | Float64Array): Float64Array {
  const length = Math.hypot(...vector);
  return Float64Array.from(vector, (value) => value / (length || 1));
}

function angle(a: Float64Array, b: Float64Array): number {
  const cosine = a.reduce((sum, value, k) => sum + value * b[k], 0);
  return (Math.acos(Math.min(1, Math.max(-1, cosine))) * 180) / Math.PI;
}
