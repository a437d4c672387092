import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import type { LossBatch } from './batch.ts';

/** ε of the targets: 1 − ε + ε/C for the sample's class and ε/C for the others (Szegedy et al., CVPR 2016). */
export const labelSmoothingSchema = z.number().min(0).lt(1).default(0);

/** mean_i −Σ_j t_ij log( e^{z_ij} / Σ_k e^{z_ik} ) of logits z: [N, C]. */
export function crossEntropy(
  logits: tf.Tensor,
  { membership, classes }: LossBatch,
  labelSmoothing = 0,
): tf.Scalar {
  const target = tf.add(tf.mul(membership, 1 - labelSmoothing), labelSmoothing / classes);
  return tf.neg(tf.mean(tf.sum(tf.mul(target, tf.logSoftmax(logits, 1)), 1)));
}
