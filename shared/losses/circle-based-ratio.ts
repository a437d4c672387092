import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import type { LossBatch } from './batch.ts';
import { extremesScopes, meanOverExtremes } from './class-extremes.ts';
import { type LossSettings, lossWeight } from './weight.ts';

export const circleBasedRatioSchema = z.strictObject({
  name: z.literal('circle-based-ratio'),
  weight: lossWeight(1),
  scope: z.enum(extremesScopes).default('class'),
});

/** Added to D, so that a sample on another class's weight has a finite ratio. */
const ABOVE_ZERO = 1e-2;

/**
 * The Circle-Based Ratio Loss ("Circle-Based Ratio Loss for Person Reidentification", Complexity 2020,
 * 9860562). A reconstruction: it is known here by its description only, as the ratio of the maximal
 * intra-class distance d to the minimal inter-class distance D between features and class weights on the
 * sphere, under the same pipeline as SML:
 *
 *   L = mean over classes c of the batch of d_c / D_c
 *
 * with d_c and D_c as in {@link meanOverExtremes}. The other scopes, and the 0.01 that is added to D against
 * a division by zero, are ours.
 */
export function circleBasedRatioLoss(
  batch: LossBatch,
  { scope }: LossSettings<z.output<typeof circleBasedRatioSchema>>,
): tf.Scalar {
  return meanOverExtremes(batch, scope, (furthestOwn, nearestOther) =>
    tf.div(furthestOwn, tf.add(nearestOther, ABOVE_ZERO)),
  );
}
