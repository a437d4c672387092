import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import type { LossBatch } from './batch.ts';
import { lossWeight } from './weight.ts';

export const centerSchema = z.strictObject({
  name: z.literal('center'),
  /** The paper's λ beside softmax. */
  weight: lossWeight(0.003),
});

/**
 * Center loss (Wen et al., "A Discriminative Feature Learning Approach for Deep Face Recognition", ECCV 2016):
 *
 *   L = mean_i ½ ‖f_i − c_{y_i}‖²
 *
 * of features as they are. The paper sums over the batch, where we take the mean, and moves the centres by a
 * rule of its own, c_j ← c_j − α Σ_{y_i = j} (c_j − f_i) / (1 + n_j). Here the centres are learned parameters
 * that follow the gradient of L, as in the PyTorch implementations (KaiyangZhou/pytorch-center-loss).
 */
export function centerLoss(batch: LossBatch): tf.Scalar {
  // A product with the one-hot rows picks each sample's centre, and has a gradient on every backend.
  const own = tf.matMul(batch.membership, batch.parameter('centres'));
  return tf.mul(tf.mean(tf.sum(tf.square(tf.sub(batch.features, own)), 1)), 0.5);
}
