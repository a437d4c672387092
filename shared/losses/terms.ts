import type * as tf from '@tensorflow/tfjs-core';
import * as z from 'zod';
import { arcFaceLoss, arcFaceSchema } from './arcface.ts';
import type { LossBatch } from './batch.ts';
import { centerLoss, centerSchema } from './center.ts';
import { circleLoss, circleSchema } from './circle.ts';
import { circleBasedRatioLoss, circleBasedRatioSchema } from './circle-based-ratio.ts';
import { cosFaceLoss, cosFaceSchema } from './cosface.ts';
import { msmlLoss, msmlSchema } from './msml.ts';
import { multiSimilarityLoss, multiSimilaritySchema } from './multi-similarity.ts';
import { normalisedSoftmaxLoss, normalisedSoftmaxSchema } from './normalised-softmax.ts';
import type { LossParameterName } from './parameters.ts';
import { proxyAnchorLoss, proxyAnchorSchema } from './proxy-anchor.ts';
import { softMarginLoss, softMarginSchema } from './soft-margin.ts';
import { softmaxLoss, softmaxSchema } from './softmax.ts';
import { tripletLoss, tripletSchema } from './triplet.ts';

const schemas = [
  softMarginSchema,
  normalisedSoftmaxSchema,
  softmaxSchema,
  centerSchema,
  tripletSchema,
  cosFaceSchema,
  arcFaceSchema,
  circleSchema,
  circleBasedRatioSchema,
  msmlSchema,
  proxyAnchorSchema,
  multiSimilaritySchema,
] as const;

/** Every loss by its name. */
export const lossNames = schemas.map((schema) => schema.shape.name.value);

/** One loss with its settings and its weight in a sum; what is left out takes its default. */
export const lossTermSchema = z.discriminatedUnion('name', schemas, {
  error: ({ code }) => (code === 'invalid_union' ? `must be one of ${lossNames.join(', ')}` : undefined),
});

/** A term with every setting filled in. */
export type LossTerm = z.output<typeof lossTermSchema>;

export type LossName = LossTerm['name'];

/** The terms of a sum: one at least, none twice. */
export const lossTermsSchema = z
  .array(lossTermSchema)
  .min(1)
  .superRefine((terms, context) => {
    for (const [index, { name }] of terms.entries()) {
      if (terms.findIndex((term) => term.name === name) < index) {
        context.addIssue({ code: 'custom', path: [index, 'name'], message: `"${name}" is there twice` });
      }
    }
  });

/** The learned tensors that a term needs beside the network. */
export function parametersOfTerm(term: LossTerm): readonly LossParameterName[] {
  switch (term.name) {
    case 'soft-margin':
    case 'normalised-softmax':
    case 'cosface':
    case 'arcface':
    case 'circle-based-ratio':
    case 'proxy-anchor':
      return ['classWeights'];
    case 'softmax':
      return ['classWeights', 'classBias'];
    case 'circle':
      return term.level === 'classes' ? ['classWeights'] : [];
    case 'center':
      return ['centres'];
    case 'triplet':
    case 'msml':
    case 'multi-similarity':
      return [];
  }
}

/** The value of a term on a batch, its weight left aside. */
export function lossOfTerm(term: LossTerm, batch: LossBatch): tf.Scalar {
  switch (term.name) {
    case 'soft-margin':
      return softMarginLoss(batch, term);
    case 'normalised-softmax':
      return normalisedSoftmaxLoss(batch, term);
    case 'softmax':
      return softmaxLoss(batch, term);
    case 'center':
      return centerLoss(batch);
    case 'triplet':
      return tripletLoss(batch, term);
    case 'cosface':
      return cosFaceLoss(batch, term);
    case 'arcface':
      return arcFaceLoss(batch, term);
    case 'circle':
      return circleLoss(batch, term);
    case 'circle-based-ratio':
      return circleBasedRatioLoss(batch, term);
    case 'msml':
      return msmlLoss(batch, term);
    case 'proxy-anchor':
      return proxyAnchorLoss(batch, term);
    case 'multi-similarity':
      return multiSimilarityLoss(batch, term);
  }
}
