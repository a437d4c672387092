import * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import type { LossBatch } from './batch.ts';
import { euclideanDistances, sphereDistances } from './distances.ts';

/** What the losses on the hardest pairs are told. */
export const pairMarginShape = {
  /** A hinge with this margin, [margin + d₊ − d₋]₊, or `soft`: (1/γ) softplus(γ (d₊ − d₋)). */
  margin: z.union([z.literal('soft'), z.number().min(0)]),
  /** γ of the soft margin: 1 in the paper (Hermans et al.). */
  sharpness: z.number().positive().default(1),
  /** Distances on the unit sphere, or between the features as they are. */
  normalised: z.boolean().default(true),
};

/** The distance of every two samples of a batch: [N, N]. */
export function pairDistances(batch: LossBatch, normalised: boolean): tf.Tensor2D {
  return normalised ? sphereDistances(batch.pairCosines) : euclideanDistances(batch.features);
}

/** What a difference d₊ − d₋ costs. */
export function marginOf(difference: tf.Tensor, margin: 'soft' | number, sharpness: number): tf.Tensor {
  if (margin === 'soft') return tf.div(tf.softplus(tf.mul(difference, sharpness)), sharpness);
  return tf.relu(tf.add(difference, margin));
}

/** Distances where the mask is 1, and elsewhere zero: what a maximum over the masked pairs is taken of. */
export function zeroOutside(distances: tf.Tensor, mask: tf.Tensor): tf.Tensor {
  return tf.mul(distances, mask);
}

/** Distances where the mask is 1, and elsewhere beyond all of them: what a minimum is taken of. */
export function beyondOutside(distances: tf.Tensor, mask: tf.Tensor): tf.Tensor {
  return tf.add(tf.mul(distances, mask), tf.mul(tf.sub(1, mask), 1e9));
}
