import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import type { LossBatch } from './batch.ts';
import { maskedLogSumExp } from './masked-sum.ts';
import { type LossSettings, lossWeight } from './weight.ts';

export const multiSimilaritySchema = z.strictObject({
  name: z.literal('multi-similarity'),
  weight: lossWeight(1),
  /** α, of positive pairs. */
  positiveScale: z.number().positive().default(2),
  /** β, of negative pairs. */
  negativeScale: z.number().positive().default(50),
  /** λ. 1 in the paper; 0.5 in pytorch-metric-learning. */
  threshold: z.number().min(-1).max(1).default(0.5),
  /** ε of the mining; `off` takes all pairs, as pytorch-metric-learning does without a miner. */
  mining: z.union([z.literal('off'), z.number().min(0)]).default(0.1),
});

/** Above every cosine. */
const BEYOND = 4;

/**
 * Multi-Similarity loss (Wang et al., "Multi-Similarity Loss with General Pair Weighting for Deep Metric
 * Learning", CVPR 2019). With S the cosines of pairs, P_i and N_i the mined positives and negatives of i:
 *
 *   L = 1/N Σ_i { 1/α log( 1 + Σ_{k ∈ P_i} e^{−α (S_ik − λ)} ) + 1/β log( 1 + Σ_{k ∈ N_i} e^{β (S_ik − λ)} ) }
 *
 * A negative is mined where S_ik + ε exceeds the smallest S of a positive of i, a positive where S_ik − ε is
 * below the largest S of a negative of i. A sample without positives has no mined negatives, and the other
 * way round; it still counts in N, as in the paper.
 */
export function multiSimilarityLoss(
  batch: LossBatch,
  settings: LossSettings<z.output<typeof multiSimilaritySchema>>,
): tf.Scalar {
  const { positiveScale, negativeScale, threshold, mining } = settings;
  const similarities = batch.pairCosines;
  const [positives, negatives] =
    mining === 'off' ? [batch.positives, batch.negatives] : minedPairs(batch, mining);
  const fromThreshold = tf.sub(similarities, threshold);
  const pull = tf.softplus(maskedLogSumExp(tf.mul(fromThreshold, -positiveScale), positives, 1));
  const push = tf.softplus(maskedLogSumExp(tf.mul(fromThreshold, negativeScale), negatives, 1));
  return tf.mean(tf.add(tf.div(pull, positiveScale), tf.div(push, negativeScale)));
}

function minedPairs(
  { pairCosines, positives, negatives }: LossBatch,
  epsilon: number,
): [tf.Tensor, tf.Tensor] {
  const outside = (mask: tf.Tensor) => tf.mul(tf.sub(1, mask), BEYOND);
  const leastPositive = tf.min(tf.add(pairCosines, outside(positives)), 1, true);
  const greatestNegative = tf.max(tf.sub(pairCosines, outside(negatives)), 1, true);
  const belowNegative = tf.step(tf.sub(greatestNegative, tf.sub(pairCosines, epsilon)));
  const abovePositive = tf.step(tf.sub(tf.add(pairCosines, epsilon), leastPositive));
  return [tf.mul(positives, belowNegative), tf.mul(negatives, abovePositive)];
}
