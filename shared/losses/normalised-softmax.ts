import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import type { LossBatch } from './batch.ts';
import { crossEntropy, labelSmoothingSchema } from './cross-entropy.ts';
import { type LossSettings, lossWeight } from './weight.ts';

export const normalisedSoftmaxSchema = z.strictObject({
  name: z.literal('normalised-softmax'),
  weight: lossWeight(1),
  /** s, what the cosines are multiplied with. */
  scale: z.number().positive().default(10),
  labelSmoothing: labelSmoothingSchema,
});

/**
 * The improved softmax loss that SML is trained with: cross-entropy over scaled cosines,
 *
 *   L = mean_i −log( e^{s cos θ_{i,y_i}} / Σ_j e^{s cos θ_ij} ).
 *
 * Features and class weights on the sphere as in the SML paper (10.1109/ACCESS.2020.3036185); the form is
 * NormFace's (Wang et al., "NormFace: L2 Hypersphere Embedding for Face Verification", ACM MM 2017).
 */
export function normalisedSoftmaxLoss(
  batch: LossBatch,
  { scale, labelSmoothing }: LossSettings<z.output<typeof normalisedSoftmaxSchema>>,
): tf.Scalar {
  return crossEntropy(tf.mul(batch.cosines, scale), batch, labelSmoothing);
}
