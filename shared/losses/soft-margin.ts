import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import type { LossBatch } from './batch.ts';
import { extremesScopes, meanOverExtremes } from './class-extremes.ts';
import { type LossSettings, lossWeight } from './weight.ts';

export const softMarginSchema = z.strictObject({
  name: z.literal('soft-margin'),
  /** λ beside the improved softmax. */
  weight: lossWeight(1),
  /** `class` is the reading that fits the paper's abstract best. */
  scope: z.enum(extremesScopes).default('class'),
  /** γ, an extension of ours and not the paper's: (1/γ) softplus(γ (d − D)). 1 is the paper's. */
  sharpness: z.number().positive().default(1),
});

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
export function softMarginLoss(
  batch: LossBatch,
  { scope, sharpness }: LossSettings<z.output<typeof softMarginSchema>>,
): tf.Scalar {
  return meanOverExtremes(batch, scope, (furthestOwn, nearestOther) => {
    const difference = tf.sub(furthestOwn, nearestOther);
    return tf.div(tf.softplus(tf.mul(difference, sharpness)), sharpness);
  });
}
