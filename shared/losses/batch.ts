import * as tf from '@tensorflow/tfjs-core';

/** What a loss cannot be computed of. The message names the sample and the bound. */
export class LossError extends Error {
  override readonly name = 'LossError';
}

/**
 * A batch on the hypersphere: what every loss here is a function of.
 *
 * With f̂ and ŵ of unit norm, `cosines`[i, j] = cos θ_ij = f̂_i · ŵ_j.
 */
export interface LossBatch {
  /** cos θ_ij of sample i and class weight j: [N, C]. */
  readonly cosines: tf.Tensor2D;
  /** 1 where y_i = j: [N, C]. */
  readonly membership: tf.Tensor2D;
  /** 1 for the classes that the batch has a sample of: [C]. */
  readonly present: tf.Tensor1D;
}

/**
 * Projects features and class weights onto the unit sphere and relates them. To be called inside a tidy
 * and, for gradients, inside the function that is differentiated.
 *
 * @param features [N, D]
 * @param classWeights [C, D]
 * @param labels y_i of every sample, in [0, C).
 * @throws {LossError} for an empty batch, shapes that do not agree, a label outside [0, C), or a batch of
 *   a single class, which has no inter-class distance.
 */
export function lossBatch(
  features: tf.Tensor2D,
  classWeights: tf.Tensor2D,
  labels: readonly number[] | Int32Array,
): LossBatch {
  const [samples, dimension] = features.shape;
  const [classes, weightDimension] = classWeights.shape;
  if (labels.length !== samples) {
    throw new LossError(`${samples} features have ${labels.length} labels.`);
  }
  if (samples === 0) throw new LossError('The batch is empty.');
  if (dimension !== weightDimension) {
    throw new LossError(`Features have ${dimension} dimensions, class weights ${weightDimension}.`);
  }
  const membership = new Float32Array(samples * classes);
  const present = new Float32Array(classes);
  for (const [i, label] of labels.entries()) {
    if (!Number.isInteger(label) || label < 0 || label >= classes) {
      throw new LossError(`The label of sample ${i} is ${label}; there are classes 0 to ${classes - 1}.`);
    }
    membership[i * classes + label] = 1;
    present[label] = 1;
  }
  if (labels.every((label) => label === labels[0])) {
    throw new LossError(
      `All ${samples} samples are of class ${labels[0]}: a loss on inter-class distances needs two classes in a batch.`,
    );
  }
  return {
    cosines: tf.matMul(onSphere(features), tf.transpose(onSphere(classWeights))),
    membership: tf.tensor2d(membership, [samples, classes]),
    present: tf.tensor1d(present),
  };
}

/** Squared length below which a row has no direction. */
const NO_DIRECTION = 1e-24;

/** Rows at unit length. A row without a direction becomes zeros, and no gradient flows through it. */
function onSphere(rows: tf.Tensor2D): tf.Tensor2D {
  const squares = tf.sum(tf.square(rows), 1, true);
  const hasDirection = tf.step(tf.sub(squares, NO_DIRECTION));
  const inverse = tf.rsqrt(tf.maximum(squares, NO_DIRECTION));
  return tf.mul(rows, tf.mul(inverse, hasDirection)) as tf.Tensor2D;
}
