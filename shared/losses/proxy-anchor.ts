import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import type { LossBatch } from './batch.ts';
import { maskedLogSumExp, maskedMean } from './masked-sum.ts';
import { type LossSettings, lossWeight } from './weight.ts';

export const proxyAnchorSchema = z.strictObject({
  name: z.literal('proxy-anchor'),
  weight: lossWeight(1),
  /** δ. */
  margin: z.number().min(0).max(2).default(0.1),
  /** α. */
  scale: z.number().positive().default(32),
});

/**
 * Proxy-Anchor loss (Kim et al., "Proxy Anchor Loss for Deep Metric Learning", CVPR 2020). The proxies P are the
 * class weights, P⁺ those of the classes that are in the batch, s cosines:
 *
 *   L = 1/|P⁺| Σ_{p ∈ P⁺} log( 1 + Σ_{i: y_i = p} e^{−α (s(i, p) − δ)} )
 *     + 1/|P| Σ_{p ∈ P} log( 1 + Σ_{i: y_i ≠ p} e^{α (s(i, p) + δ)} )
 */
export function proxyAnchorLoss(
  batch: LossBatch,
  { margin, scale }: LossSettings<z.output<typeof proxyAnchorSchema>>,
): tf.Scalar {
  const { cosines, membership, present } = batch;
  const pulls = tf.mul(tf.sub(cosines, margin), -scale);
  const pushes = tf.mul(tf.add(cosines, margin), scale);
  const pull = tf.softplus(maskedLogSumExp(pulls, membership, 0));
  const push = tf.softplus(maskedLogSumExp(pushes, tf.sub(1, membership), 0));
  return tf.add(maskedMean(pull, present), tf.mean(push));
}
