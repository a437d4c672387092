import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import type { LossBatch } from './batch.ts';
import { crossEntropy } from './cross-entropy.ts';
import { type LossSettings, lossWeight } from './weight.ts';

export const arcFaceSchema = z.strictObject({
  name: z.literal('arcface'),
  weight: lossWeight(1),
  /** s. */
  scale: z.number().positive().default(64),
  /** m in radians, added to the angle to the own class weight. */
  margin: z
    .number()
    .min(0)
    .lt(Math.PI / 2)
    .default(0.5),
});

/**
 * ArcFace (Deng et al., "ArcFace: Additive Angular Margin Loss for Deep Face Recognition", CVPR 2019):
 *
 *   L = mean_i −log( e^{s cos(θ_{i,y_i} + m)} / ( e^{s cos(θ_{i,y_i} + m)} + Σ_{j ≠ y_i} e^{s cos θ_ij} ) )
 *
 * without an arccosine, by cos(θ + m) = cos θ cos m − sin θ sin m. Where θ + m passes π, the cosine would grow
 * again; there the reference (insightface, `easy_margin = False`) goes on with cos θ − m sin m, and so do we.
 */
export function arcFaceLoss(
  batch: LossBatch,
  { scale, margin }: LossSettings<z.output<typeof arcFaceSchema>>,
): tf.Scalar {
  const { cosines, membership } = batch;
  const own = tf.sum(tf.mul(cosines, membership), 1, true);
  // Held above zero, where the root's slope is infinite.
  const sine = tf.sqrt(tf.maximum(tf.sub(1, tf.square(own)), 1e-12));
  const rotated = tf.sub(tf.mul(own, Math.cos(margin)), tf.mul(sine, Math.sin(margin)));
  const shifted = tf.sub(own, margin * Math.sin(margin));
  const withinPi = tf.step(tf.add(own, Math.cos(margin)));
  const target = tf.add(tf.mul(rotated, withinPi), tf.mul(shifted, tf.sub(1, withinPi)));
  const withMargin = tf.add(cosines, tf.mul(membership, tf.sub(target, own)));
  return crossEntropy(tf.mul(withMargin, scale), batch);
}
