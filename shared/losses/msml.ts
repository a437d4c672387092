import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import type { LossBatch } from './batch.ts';
import { largest, smallest } from './extremes.ts';
import { beyondOutside, marginOf, pairDistances, pairMarginShape, zeroOutside } from './pair-margin.ts';
import { type LossSettings, lossWeight } from './weight.ts';

export const msmlSchema = z.strictObject({
  name: z.literal('msml'),
  weight: lossWeight(1),
  ...pairMarginShape,
  margin: pairMarginShape.margin.default(0.3),
});

/**
 * Margin Sample Mining Loss (Xiao et al., "Margin Sample Mining Loss: A Deep Learning Based Method for Person
 * Re-identification", 2017): the hardest positive pair of the batch against its hardest negative pair,
 *
 *   L = [ m + max_{y_i = y_j, i ≠ j} d(i, j) − min_{y_i ≠ y_j} d(i, j) ]₊
 *
 * zero where the batch lacks either kind of pair. The soft margin in place of the hinge is an option of ours;
 * distances as in the batch-hard triplet loss.
 */
export function msmlLoss(
  batch: LossBatch,
  { margin, sharpness, normalised }: LossSettings<z.output<typeof msmlSchema>>,
): tf.Scalar {
  const { positives, negatives } = batch;
  const d = pairDistances(batch, normalised);
  const furthestPositive = largest(tf.reshape(zeroOutside(d, positives), [-1]), 0);
  const nearestNegative = smallest(tf.reshape(beyondOutside(d, negatives), [-1]), 0);
  const both = tf.mul(tf.step(tf.sum(positives)), tf.step(tf.sum(negatives)));
  return tf.mul(marginOf(tf.sub(furthestPositive, nearestNegative), margin, sharpness), both) as tf.Scalar;
}
