import * as tf from '@tensorflow/tfjs-core';
import type { LossBatch } from './batch.ts';
import { largest, smallest } from './extremes.ts';

/** What the two extreme distances are taken over. */
export type SoftMarginScope = 'class' | 'sample' | 'batch';

export const softMarginScopes = ['class', 'sample', 'batch'] as const satisfies SoftMarginScope[];

export interface SoftMarginOptions {
  /** Default `class`, the reading that fits the paper's abstract best. */
  readonly scope?: SoftMarginScope;
  /** γ, an extension of ours and not the paper's: (1/γ) softplus(γ (d − D)). Default 1, which is the paper's. */
  readonly sharpness?: number;
}

/**
 * The Soft Margin Loss (IEEE Access 2020, 10.1109/ACCESS.2020.3036185), as reconstructed from its abstract.
 * With d(i, j) = ‖f̂_i − ŵ_j‖ = √(2 − 2 cos θ_ij):
 *
 *   class   mean over classes c of the batch of softplus(d_c − D_c), where
 *           d_c = max_{i: y_i = c} d(i, c)  and  D_c = min_{i: y_i = c, j ≠ c} d(i, j)
 *   sample  mean_i softplus(d(i, y_i) − min_{j ≠ y_i} d(i, j))
 *   batch   softplus(max_i d(i, y_i) − min_{i, j ≠ y_i} d(i, j))
 *
 * d − D lies in [−2, 2], so the slope of softplus stays within 0.12 and 0.88: the margin is soft because
 * the loss never switches off.
 */
export function softMarginLoss(batch: LossBatch, options: SoftMarginOptions = {}): tf.Scalar {
  const { scope = 'class', sharpness = 1 } = options;
  const { membership, present } = batch;
  const d = distances(batch.cosines);
  const soft = (difference: tf.Tensor) =>
    tf.div(tf.softplus(tf.mul(difference, sharpness)), sharpness) as tf.Tensor;

  const toOwn = tf.sum(tf.mul(d, membership), 1);
  const toNearestOther = smallest(tf.add(d, tf.mul(membership, BEYOND)), 1);

  switch (scope) {
    case 'sample':
      return tf.mean(soft(tf.sub(toOwn, toNearestOther)));
    case 'batch':
      return soft(tf.sub(largest(toOwn, 0), smallest(toNearestOther, 0))) as tf.Scalar;
    case 'class': {
      // Samples in rows, classes in columns; what is not of the column's class is moved out of reach.
      const others = tf.mul(tf.sub(1, membership), BEYOND);
      const furthest = largest(tf.sub(tf.expandDims(toOwn, 1), others), 0);
      const nearest = smallest(tf.add(tf.expandDims(toNearestOther, 1), others), 0);
      return tf.div(tf.sum(tf.mul(soft(tf.sub(furthest, nearest)), present)), tf.sum(present)) as tf.Scalar;
    }
  }
}

/** Above every distance on the unit sphere, and small enough that adding it does not round distances away. */
const BEYOND = 4;

/**
 * √(2 − 2 cos θ). The root's slope is infinite at zero, where a sample lies exactly on a class weight. The
 * distance is held just above it, and there the gradient is zero. Elsewhere it needs no guard: ∂d/∂cos
 * grows as 1/d while ∂cos/∂f̂ shrinks as d.
 */
function distances(cosines: tf.Tensor2D): tf.Tensor2D {
  return tf.sqrt(tf.maximum(tf.sub(2, tf.mul(cosines, 2)), 1e-12)) as tf.Tensor2D;
}
