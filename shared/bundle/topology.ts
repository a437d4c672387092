import * as z from 'zod';

const layerName = z.string().min(1).max(256);

const sides = z.strictObject({
  top: z.int().min(0).max(64),
  right: z.int().min(0).max(64),
  bottom: z.int().min(0).max(64),
  left: z.int().min(0).max(64),
});

const activation = z.enum(['relu', 'relu6', 'sigmoid']);
const size = z.int().min(1).max(64);
const channels = z.int().min(1).max(65_536);

/** What each layer says beside its name, its kind and its inputs. */
const one = { name: layerName, inputs: z.tuple([layerName]) };
const several = { name: layerName, inputs: z.array(layerName).min(2).max(64) };
const normalisation = layerName.optional();

/**
 * One layer in the vocabulary of `shared/models/layers.ts`. Its parameters are named after it, as PyTorch names
 * them; a normalisation of its own name follows the products.
 */
const layerSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('convolution'),
    ...one,
    filters: channels,
    kernel: size,
    stride: size,
    padding: sides,
    depthwise: z.boolean(),
    bias: z.boolean(),
    normalisation,
    activation: activation.optional(),
  }),
  z.strictObject({
    kind: z.literal('linear'),
    ...one,
    features: channels,
    bias: z.boolean(),
    normalisation,
    activation: activation.optional(),
  }),
  z.strictObject({ kind: z.literal('batch-normalisation'), ...one }),
  z.strictObject({ kind: z.literal('activation'), ...one, activation }),
  z.strictObject({ kind: z.literal('max-pool'), ...one, size, stride: size, padding: sides }),
  z.strictObject({ kind: z.literal('average-pool'), ...one, size }),
  z.strictObject({ kind: z.literal('global-average-pool'), ...one }),
  z.strictObject({ kind: z.literal('add'), ...several }),
  z.strictObject({ kind: z.literal('concatenate'), ...several }),
]);

/**
 * A network that came as a graph: its layers, each after those that it takes. The picture is `input`; the last
 * layer is the embedding.
 */
export const topologySchema = z.strictObject({ layers: z.array(layerSchema).min(1).max(2000) });

export type Topology = z.infer<typeof topologySchema>;
export type TopologyLayer = Topology['layers'][number];
