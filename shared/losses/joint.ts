import * as tf from '@tensorflow/tfjs-core';
import type { LossBatch } from './batch.ts';
import { type NormalisedSoftmaxOptions, normalisedSoftmaxLoss } from './normalised-softmax.ts';
import { type SoftMarginOptions, softMarginLoss } from './soft-margin.ts';

export interface JointLossOptions {
  readonly softmax: NormalisedSoftmaxOptions;
  readonly softMargin: SoftMarginOptions;
  /** λ, at least zero. */
  readonly weight: number;
}

export interface JointLoss {
  readonly total: tf.Scalar;
  readonly softmax: tf.Scalar;
  readonly softMargin: tf.Scalar;
}

/** What SML is trained as: L = L_softmax + λ · L_SML. The parts are given beside the total, for the log. */
export function jointLoss(batch: LossBatch, options: JointLossOptions): JointLoss {
  const softmax = normalisedSoftmaxLoss(batch, options.softmax);
  const softMargin = softMarginLoss(batch, options.softMargin);
  return { total: tf.add(softmax, tf.mul(softMargin, options.weight)), softmax, softMargin };
}
