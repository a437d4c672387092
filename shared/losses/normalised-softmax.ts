import * as tf from '@tensorflow/tfjs-core';
import type { LossBatch } from './batch.ts';

export interface NormalisedSoftmaxOptions {
  /** s, what the cosines are multiplied with. Above zero. */
  readonly scale: number;
  /** ε in [0, 1): the target is 1 − ε + ε/C for the sample's class and ε/C for the others. */
  readonly labelSmoothing?: number;
}

/**
 * The improved softmax loss that SML is trained with: cross-entropy over scaled cosines,
 *
 *   L = mean_i −log( e^{s cos θ_{i,y_i}} / Σ_j e^{s cos θ_ij} ).
 *
 * Features and class weights on the sphere as in the SML paper (10.1109/ACCESS.2020.3036185); the form is
 * NormFace's (Wang et al., ACM MM 2017). Label smoothing as Szegedy et al., CVPR 2016.
 */
export function normalisedSoftmaxLoss(batch: LossBatch, options: NormalisedSoftmaxOptions): tf.Scalar {
  const { scale, labelSmoothing = 0 } = options;
  const { cosines, membership } = batch;
  const classes = cosines.shape[1];
  const target = tf.add(tf.mul(membership, 1 - labelSmoothing), labelSmoothing / classes);
  const logProbabilities = tf.logSoftmax(tf.mul(cosines, scale), 1);
  return tf.neg(tf.mean(tf.sum(tf.mul(target, logProbabilities), 1)));
}
