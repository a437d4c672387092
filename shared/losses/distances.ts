import * as tf from '@tensorflow/tfjs-core';

/**
 * Distances on the unit sphere of given cosines, √(2 − 2 cos θ). The root's slope is infinite at zero, where
 * two points coincide. The distance is held just above it, and there the gradient is zero. Elsewhere it
 * needs no guard: ∂d/∂cos grows as 1/d while ∂cos/∂f̂ shrinks as d.
 */
export function sphereDistances(cosines: tf.Tensor2D): tf.Tensor2D {
  return tf.sqrt(tf.maximum(tf.sub(2, tf.mul(cosines, 2)), 1e-12)) as tf.Tensor2D;
}

/**
 * ‖f_i − f_j‖ of every two rows, [N, N], by way of their products; zero, with a gradient of zero, where two
 * rows coincide.
 */
export function euclideanDistances(rows: tf.Tensor2D): tf.Tensor2D {
  const squares = tf.sum(tf.square(rows), 1, true);
  const products = tf.matMul(rows, tf.transpose(rows));
  const squared = tf.sub(tf.add(squares, tf.transpose(squares)), tf.mul(products, 2));
  return tf.sqrt(tf.maximum(squared, 1e-12)) as tf.Tensor2D;
}
