import * as z from 'zod';

/**
 * In what a network differs from the definition that its architecture names. Without a field it is as the
 * definition says: last stride 1, a padded stem with ReLU, no non-local blocks, a neck.
 */
export const variantSchema = z.strictObject({
  /** Batch normalisation between the pooled feature and the embedding, or the pooled feature itself. */
  neck: z.enum(['batch-normalisation', 'none']).optional(),
  /** Of a ResNet's last stage: ImageNet's is 2. */
  lastStride: z.union([z.literal(1), z.literal(2)]).optional(),
  /** Of a ResNet's first pooling: torchvision pads by 1, fast-reid does not pad and rounds up. */
  stemPool: z.enum(['padded', 'ceil']).optional(),
  /** After a ResNet's first normalisation: the strong baseline of Luo et al. has none. */
  stemActivation: z.enum(['relu', 'none']).optional(),
  /** fast-reid's non-local blocks (AGW) after the last two blocks of the second stage and the last three of the third. */
  nonLocal: z.boolean().optional(),
});

export type Variant = z.infer<typeof variantSchema>;
