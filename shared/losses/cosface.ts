import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import type { LossBatch } from './batch.ts';
import { crossEntropy } from './cross-entropy.ts';
import { type LossSettings, lossWeight } from './weight.ts';

export const cosFaceSchema = z.strictObject({
  name: z.literal('cosface'),
  weight: lossWeight(1),
  /** s. */
  scale: z.number().positive().default(64),
  /** m, taken off the cosine to the own class weight. */
  margin: z.number().min(0).max(2).default(0.35),
});

/**
 * CosFace (Wang et al., "CosFace: Large Margin Cosine Loss for Deep Face Recognition", CVPR 2018):
 *
 *   L = mean_i −log( e^{s (cos θ_{i,y_i} − m)} / ( e^{s (cos θ_{i,y_i} − m)} + Σ_{j ≠ y_i} e^{s cos θ_ij} ) )
 */
export function cosFaceLoss(
  batch: LossBatch,
  { scale, margin }: LossSettings<z.output<typeof cosFaceSchema>>,
): tf.Scalar {
  const reduced = tf.sub(batch.cosines, tf.mul(batch.membership, margin));
  return crossEntropy(tf.mul(reduced, scale), batch);
}
