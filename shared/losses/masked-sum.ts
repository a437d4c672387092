import * as tf from '@tensorflow/tfjs-core';

/** Below every exponent of a loss here: e to it is zero beside any other. */
const NOTHING = -1e5;

/**
 * log Σ_j m_ij e^{x_ij} of every row, or column with axis 0. A row without a term gives a number so low that
 * e to it is zero, and has no gradient.
 *
 * @param mask 0 or 1, of the shape of `exponents`.
 */
export function maskedLogSumExp(exponents: tf.Tensor, mask: tf.Tensor, axis: 0 | 1): tf.Tensor {
  const masked = tf.add(tf.mul(exponents, mask), tf.mul(tf.sub(1, mask), NOTHING));
  return tf.logSumExp(masked, axis);
}

/** The mean of the values whose mask is 1; zero where there are none. */
export function maskedMean(values: tf.Tensor, mask: tf.Tensor): tf.Scalar {
  return tf.div(tf.sum(tf.mul(values, mask)), tf.maximum(tf.sum(mask), 1)) as tf.Scalar;
}

/** 1 for the rows that have a 1 in each of the masks: [N]. */
export function rowsWith(...masks: tf.Tensor[]): tf.Tensor1D {
  return masks
    .map((mask) => tf.step(tf.sum(mask, 1)))
    .reduce((both, rows) => tf.mul(both, rows)) as tf.Tensor1D;
}
