import { extremesScopes } from '@softmargin/shared/losses/class-extremes.ts';
import { architectures } from '@softmargin/shared/models/architectures.ts';
import { z } from 'zod';

/** Everything that decides a training run. The same recipe, seed and backend give the same weights. */
export const recipeSchema = z.strictObject({
  model: z.string().refine((name) => architectures.has(name), {
    error: () => `must be one of ${[...architectures.keys()].join(', ')}`,
  }),
  seed: z.int().nonnegative(),
  steps: z.int().min(1),
  batch: z.strictObject({
    /** P: identities in a batch. */
    identities: z.int().min(2),
    /** K: pictures of each. */
    pictures: z.int().min(1),
  }),
  loss: z.strictObject({
    /** s of the normalised softmax. */
    scale: z.number().positive(),
    /** ε of its targets. */
    labelSmoothing: z.number().min(0).lt(1),
    /** λ: what SML counts beside the softmax. */
    softMarginWeight: z.number().min(0),
    softMarginScope: z.enum(extremesScopes),
    /** γ, the extension that is not the paper's; 1 is the paper. */
    softMarginSharpness: z.number().positive(),
  }),
  optimiser: z.strictObject({
    /** Adam's, at its peak: linear warm-up, then a cosine to zero. */
    learningRate: z.number().positive(),
    warmupSteps: z.int().nonnegative(),
    /** The class weights learn this many times faster. */
    classWeightFactor: z.number().positive(),
  }),
  /** How class weights start: random directions, or evenly spread over the circle (2-d embeddings only). */
  classWeights: z.enum(['random', 'even-on-circle']),
  augmentation: z.strictObject({
    /** Largest rotation in degrees, either way. */
    rotation: z.number().min(0).max(180),
    /** Largest change of size as a fraction, either way. */
    scaling: z.number().min(0).lt(1),
    /** Largest shift in pixels, either way. */
    shift: z.number().min(0),
  }),
});

export type Recipe = z.infer<typeof recipeSchema>;
