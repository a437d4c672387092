import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import type { LossBatch } from './batch.ts';
import { largest, smallest } from './extremes.ts';
import { maskedMean, rowsWith } from './masked-sum.ts';
import { beyondOutside, marginOf, pairDistances, pairMarginShape, zeroOutside } from './pair-margin.ts';
import { type LossSettings, lossWeight } from './weight.ts';

export const tripletSchema = z.strictObject({
  name: z.literal('triplet'),
  weight: lossWeight(1),
  ...pairMarginShape,
  margin: pairMarginShape.margin.default('soft'),
});

/**
 * Batch-hard triplet loss (Hermans et al., "In Defense of the Triplet Loss for Person Re-Identification",
 * 2017):
 *
 *   L = mean_i cost( max_{j: y_j = y_i, j ≠ i} d(i, j) − min_{j: y_j ≠ y_i} d(i, j) )
 *
 * with cost(x) = [m + x]₊ or softplus(x). The mean is over samples that have a positive and a negative;
 * torchreid and fast-reid count a sample without another of its class too, at a positive distance of zero.
 * The paper's distances are between features as they are; here, beside losses on the sphere, they are
 * between directions unless `normalised` is false. The sharpness of the soft margin is ours.
 */
export function tripletLoss(
  batch: LossBatch,
  { margin, sharpness, normalised }: LossSettings<z.output<typeof tripletSchema>>,
): tf.Scalar {
  const { positives, negatives } = batch;
  const d = pairDistances(batch, normalised);
  const furthestPositive = largest(zeroOutside(d, positives), 1);
  const nearestNegative = smallest(beyondOutside(d, negatives), 1);
  const cost = marginOf(tf.sub(furthestPositive, nearestNegative), margin, sharpness);
  return maskedMean(cost, rowsWith(positives, negatives));
}
