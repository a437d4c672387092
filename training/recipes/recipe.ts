import { lossTermsSchema } from '@softmargin/shared/losses/terms.ts';
import { architectures } from '@softmargin/shared/models/architectures.ts';
import * as z from 'zod';
import { augmentationSchema } from '../augmentation/augmentation.ts';
import { datasetSchema } from '../datasets/datasets.ts';
import { optimiserSchema } from '../optimisation/optimisers.ts';
import { scheduleSchema } from '../optimisation/schedule.ts';
import { samplerSchema } from '../sampling/sampler.ts';

/** Everything that decides a training run. The same recipe, data, seed and backend give the same weights. */
export const recipeSchema = z.strictObject({
  dataset: datasetSchema,
  model: z.string().refine((name) => architectures.has(name), {
    error: () => `must be one of ${[...architectures.keys()].join(', ')}`,
  }),
  /** Height and width of the pictures as the network gets them. `null`: those the model usually takes. */
  input: z
    .strictObject({ height: z.int().min(1), width: z.int().min(1) })
    .nullable()
    .default(null),
  /** The weights that the network starts from, by file name and digest; they are told when it is trained. */
  pretrained: z.string().nullable().default(null),
  seed: z.int().nonnegative(),
  steps: z.int().min(1),
  preprocessing: z.strictObject({
    /** `bright-border` inverts a picture whose border is brighter than middle grey (ink on paper). */
    invert: z.enum(['never', 'bright-border']),
    /** Means and deviations of channels in [0, 1]: given, or those of the training pictures. */
    channels: z.union([
      z.literal('training-set'),
      z.strictObject({ mean: z.array(z.number()), deviation: z.array(z.number().positive()) }),
    ]),
  }),
  sampler: samplerSchema,
  augmentation: augmentationSchema,
  /** The terms of the loss, and what each counts. */
  losses: lossTermsSchema,
  /** How class weights start: random directions, or evenly spread over the circle (2-d embeddings only). */
  classWeights: z.enum(['random', 'even-on-circle']),
  optimiser: optimiserSchema,
  schedule: scheduleSchema,
  /** The largest norm of all gradients as one vector; longer ones are scaled down to it. `null`: any. */
  gradientNormLimit: z.number().positive().nullable(),
  /** The decay of a moving average of the weights, which is then what is validated and exported. `null`: none. */
  weightAverage: z.number().gt(0).lt(1).nullable(),
  /** Validation in training, which keeps the best weights. `null`: none, and the last weights are kept. */
  validation: z
    .strictObject({
      /** Steps from one to the next. */
      every: z.int().min(1),
      /** Validations without a better mAP after which the run ends. `null`: it goes on to its last step. */
      patience: z.int().min(1).nullable(),
    })
    .nullable(),
});

export type Recipe = z.output<typeof recipeSchema>;

/** A recipe as it is written down: what is left out takes its default. */
export type RecipeInput = z.input<typeof recipeSchema>;

/** Checks a recipe. @throws {Error} that names the field, what it has to be, and what was found. */
export function parseRecipe(value: unknown): Recipe {
  const parsed = recipeSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [{ path, message }] = parsed.error.issues;
  const found = path.reduce<unknown>(
    (parent, key) => (parent as Record<PropertyKey, unknown> | undefined)?.[key],
    value,
  );
  throw new Error(
    `The recipe's ${path.join('.') || 'content'}: ${message} (found ${JSON.stringify(found)}).`,
  );
}
