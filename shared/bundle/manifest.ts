import * as z from 'zod';
import { weightTypes } from './packed-tensor.ts';
import { topologySchema } from './topology.ts';
import { variantSchema } from './variant.ts';

/** Names of models, in paths and in requests. */
export const modelNameSchema = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9._-]{0,63}$/,
    'must be 1 to 64 of a-z, 0-9, dot, underscore and hyphen, and start with a letter or digit',
  );

const channelValues = z.array(z.number()).min(1).max(4);

/**
 * What a bundle says of itself: enough to run the network on a picture the way it was trained, and to know
 * where it came from.
 */
export const manifestSchema = z
  .strictObject({
    format: z.literal(1),
    name: modelNameSchema,
    /** The definition in `shared/models` that the tensors belong to. */
    architecture: z.string().min(1),
    /** What of a ResNet-50 or a MobileNetV2 is not as re-identification has it. */
    variant: variantSchema.optional(),
    /** The layers themselves, of a network that is not in `shared/models`; its architecture is `topology`. */
    topology: topologySchema.optional(),
    input: z.strictObject({
      height: z.int().min(1).max(1024),
      width: z.int().min(1).max(1024),
      channels: z.union([z.literal(1), z.literal(3)]),
    }),
    preprocessing: z.strictObject({
      /** To the input size, with Pillow's antialiased bilinear filter. */
      resize: z.literal('bilinear-antialiased'),
      /** The shorter side is resized to this and the centre is cut out; without it, the picture is stretched. */
      shorterSide: z.int().min(1).max(2048).optional(),
      /** RGB that a picture with alpha is laid on; without it, alpha is dropped. */
      background: z.array(z.int().min(0).max(255)).length(3).optional(),
      /** `bright-border` inverts a picture whose border is brighter than middle grey (ink on paper). */
      invert: z.enum(['never', 'bright-border']),
      /** By channel, of values in [0, 1]. */
      mean: channelValues,
      deviation: channelValues,
    }),
    embedding: z.strictObject({
      dimension: z.int().min(1).max(8192),
      /** The distance the embedding was trained for. */
      distance: z.enum(['cosine', 'euclidean']),
      /** Whether the first numbers of an embedding are one themselves, once they have unit length (Matryoshka). */
      truncatable: z.boolean().optional(),
      /** Whether a picture and its mirror image are averaged unless a request says otherwise. */
      flip: z.boolean().optional(),
    }),
    /** How the weights are stored, and what that changes; float32 without it. */
    weights: z
      .strictObject({
        type: z.enum(weightTypes),
        /**
         * `resident` keeps the float32 weights in memory; `by-layer` expands those of a layer when it runs, which
         * takes longer and fits a large network into an isolate.
         */
        serving: z.enum(['resident', 'by-layer']),
        /** Cosine distances between the embeddings of float32 weights and of these. */
        drift: z
          .strictObject({
            /** What was embedded: the caller's pictures, or generated ones. */
            pictures: z.enum(['given', 'generated']),
            count: z.int().positive(),
            mean: z.number().min(0).max(2),
            largest: z.number().min(0).max(2),
          })
          .optional(),
      })
      .optional(),
    /** The training recipe as it ran, every field. */
    recipe: z.record(z.string(), z.json()),
    dataset: z.strictObject({
      name: z.string(),
      trainImages: z.int().nonnegative(),
      testImages: z.int().nonnegative(),
      identities: z.int().nonnegative(),
      split: z.string(),
    }),
    /** Held-out scores by name, as fractions. */
    scores: z.record(z.string(), z.number()),
  })
  .superRefine((manifest, context) => {
    for (const field of ['mean', 'deviation'] as const) {
      const count = manifest.preprocessing[field].length;
      if (count !== manifest.input.channels) {
        context.addIssue({
          code: 'custom',
          path: ['preprocessing', field],
          message: `has ${count} values for ${manifest.input.channels} channels`,
        });
      }
    }
    const { shorterSide } = manifest.preprocessing;
    if (shorterSide !== undefined && shorterSide < Math.max(manifest.input.height, manifest.input.width)) {
      context.addIssue({
        code: 'custom',
        path: ['preprocessing', 'shorterSide'],
        message: `is ${shorterSide}, less than the input that is cut out of it`,
      });
    }
    if (manifest.preprocessing.deviation.some((deviation) => deviation <= 0)) {
      context.addIssue({
        code: 'custom',
        path: ['preprocessing', 'deviation'],
        message: 'must be above zero',
      });
    }
  });

export type Manifest = z.infer<typeof manifestSchema>;
