import * as z from 'zod';
import { PKSampler } from './pk-sampler.ts';
import { UniformSampler } from './uniform-sampler.ts';

/** Draws the items of each batch. */
export interface Sampler {
  /** Indices of the items of a step's batch (from step 0), a function of the seed and the step alone. */
  batch(step: number): Int32Array;
}

/** How a recipe says what a batch is made of. */
export const samplerSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('pk'),
    /** P: identities in a batch. */
    identities: z.int().min(2),
    /** K: pictures of each. */
    pictures: z.int().min(1),
  }),
  z.strictObject({
    kind: z.literal('uniform'),
    /** Pictures in a batch. */
    size: z.int().min(1),
  }),
]);

export type SamplerSettings = z.infer<typeof samplerSchema>;

/**
 * The sampler that the settings ask for.
 *
 * @param identities of the training set's items.
 * @throws {RangeError} if the set is too small for one batch.
 */
export function createSampler(settings: SamplerSettings, identities: Int32Array, seed: number): Sampler {
  switch (settings.kind) {
    case 'pk':
      return new PKSampler(identities, settings.identities, settings.pictures, seed);
    case 'uniform':
      return new UniformSampler(identities.length, settings.size, seed);
  }
}
