import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import type { LossBatch } from './batch.ts';
import { constant } from './constant.ts';
import { maskedLogSumExp, maskedMean, rowsWith } from './masked-sum.ts';
import { type LossSettings, lossWeight } from './weight.ts';

export const circleSchema = z.strictObject({
  name: z.literal('circle'),
  weight: lossWeight(1),
  /** `pairs`: similarities between samples; `classes`: of samples to class weights. */
  level: z.enum(['pairs', 'classes']).default('pairs'),
  /** m. The paper takes 0.4 for pairs and 0.25 for classes. */
  margin: z.number().min(0).lt(1).default(0.4),
  /** γ. The paper takes 80 for pairs; 256 for classes in face recognition, 128 in re-identification. */
  scale: z.number().positive().default(80),
});

/**
 * Circle loss (Sun et al., "Circle Loss: A Unified Perspective of Pair Similarity Optimization", CVPR 2020).
 * With s_p the similarities of sample i to its positives and s_n those to its negatives:
 *
 *   L = mean_i log( 1 + Σ_n e^{γ α_n (s_n − m)} · Σ_p e^{−γ α_p (s_p − 1 + m)} )
 *   α_p = [1 + m − s_p]₊,  α_n = [s_n + m]₊
 *
 * The factors α count as constants in the gradient, as in the paper's equations and in
 * pytorch-metric-learning. The mean is over samples that have both a positive and a negative, as there;
 * without any the loss is zero.
 */
export function circleLoss(
  batch: LossBatch,
  { level, margin, scale }: LossSettings<z.output<typeof circleSchema>>,
): tf.Scalar {
  const [similarities, positives, negatives] =
    level === 'pairs'
      ? [batch.pairCosines, batch.positives, batch.negatives]
      : [batch.cosines, batch.membership, tf.sub(1, batch.membership)];
  const alphaPositive = constant(tf.relu(tf.sub(1 + margin, similarities)));
  const alphaNegative = constant(tf.relu(tf.add(similarities, margin)));
  const toPositives = tf.mul(tf.mul(alphaPositive, tf.sub(similarities, 1 - margin)), -scale);
  const toNegatives = tf.mul(tf.mul(alphaNegative, tf.sub(similarities, margin)), scale);
  const logProduct = tf.add(
    maskedLogSumExp(toPositives, positives, 1),
    maskedLogSumExp(toNegatives, negatives, 1),
  );
  return maskedMean(tf.softplus(logProduct), rowsWith(positives, negatives));
}
