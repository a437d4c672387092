import * as tf from '@tensorflow/tfjs-core';
import type { LossBatch } from './batch.ts';
import { sphereDistances } from './distances.ts';
import { largest, smallest } from './extremes.ts';

/** What the two extreme distances are taken over. */
export type ExtremesScope = 'class' | 'sample' | 'batch';

export const extremesScopes = ['class', 'sample', 'batch'] as const satisfies ExtremesScope[];

/** Above every distance on the unit sphere, and small enough that adding it does not round distances away. */
const BEYOND = 4;

/**
 * The mean, over what the scope counts, of a function of the largest distance d to the own class weight and
 * the smallest distance D to another one. With d(i, j) = ‖f̂_i − ŵ_j‖:
 *
 *   class   each class c of the batch: d_c = max_{i: y_i = c} d(i, c),  D_c = min_{i: y_i = c, j ≠ c} d(i, j)
 *   sample  each sample i: d(i, y_i),  min_{j ≠ y_i} d(i, j)
 *   batch   once: max_i d(i, y_i),  min_{i, j ≠ y_i} d(i, j)
 */
export function meanOverExtremes(
  batch: LossBatch,
  scope: ExtremesScope,
  compare: (furthestOwn: tf.Tensor, nearestOther: tf.Tensor) => tf.Tensor,
): tf.Scalar {
  const { membership, present } = batch;
  const d = sphereDistances(batch.cosines);
  const toOwn = tf.sum(tf.mul(d, membership), 1);
  const toNearestOther = smallest(tf.add(d, tf.mul(membership, BEYOND)), 1);

  switch (scope) {
    case 'sample':
      return tf.mean(compare(toOwn, toNearestOther));
    case 'batch':
      return compare(largest(toOwn, 0), smallest(toNearestOther, 0)) as tf.Scalar;
    case 'class': {
      // Samples in rows, classes in columns; what is not of the column's class is moved out of reach.
      const others = tf.mul(tf.sub(1, membership), BEYOND);
      const furthest = largest(tf.sub(tf.expandDims(toOwn, 1), others), 0);
      const nearest = smallest(tf.add(tf.expandDims(toNearestOther, 1), others), 0);
      return tf.div(tf.sum(tf.mul(compare(furthest, nearest), present)), tf.sum(present)) as tf.Scalar;
    }
  }
}
