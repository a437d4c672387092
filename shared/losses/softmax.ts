import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import type { LossBatch } from './batch.ts';
import { crossEntropy, labelSmoothingSchema } from './cross-entropy.ts';
import { type LossSettings, lossWeight } from './weight.ts';

export const softmaxSchema = z.strictObject({
  name: z.literal('softmax'),
  weight: lossWeight(1),
  labelSmoothing: labelSmoothingSchema,
});

/**
 * Cross-entropy over a linear classifier with bias, features as they are:
 *
 *   L = mean_i −log( e^{z_{i,y_i}} / Σ_j e^{z_ij} ),  z_ij = w_j · f_i + b_j
 */
export function softmaxLoss(
  batch: LossBatch,
  { labelSmoothing }: LossSettings<z.output<typeof softmaxSchema>>,
): tf.Scalar {
  const products = tf.matMul(batch.features, tf.transpose(batch.parameter('classWeights')));
  return crossEntropy(tf.add(products, batch.parameter('classBias')), batch, labelSmoothing);
}
