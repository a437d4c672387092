import type { BundleTensor } from '@softmargin/shared/bundle/bundle.ts';
import type { Topology } from '@softmargin/shared/bundle/topology.ts';
import type { InputSize } from '@softmargin/shared/models/layers.ts';
import * as z from 'zod';
import { TopologyBuilder, type Windows } from './topology-builder.ts';

/** A network in our vocabulary, with its parameters. */
export interface ImportedNetwork {
  readonly input: InputSize;
  readonly topology: Topology;
  readonly parameters: Map<string, BundleTensor>;
  readonly dimension: number;
  /** The layer whose output is the embedding. */
  readonly output: string;
}

const layerSchema = z.looseObject({
  class_name: z.string(),
  config: z.looseObject({ name: z.string() }),
  inbound_nodes: z.array(z.unknown()).optional(),
});

type KerasLayer = z.infer<typeof layerSchema>;

const modelSchema = z.looseObject({
  class_name: z.enum(['Model', 'Functional', 'Sequential']),
  config: z.union([z.looseObject({ layers: z.array(layerSchema) }), z.array(layerSchema)]),
});

const pair = z.union([z.int(), z.tuple([z.int(), z.int()])]);

const inputSchema = z.tuple([z.null(), z.int(), z.int(), z.union([z.literal(1), z.literal(3)])]);

/** What layers compute that stand for themselves; others are named in the error. */
const KINDS = [
  'InputLayer, Conv2D, DepthwiseConv2D, BatchNormalization, Activation, ReLU, ZeroPadding2D, MaxPooling2D',
  'AveragePooling2D, GlobalAveragePooling2D, Dense, Add, Concatenate, Dropout, Flatten, Reshape',
].join(', ');

/**
 * Lists a layers model of TensorFlow.js (Keras) in our vocabulary.
 *
 * @param topology of the model's file.
 * @param output the layer whose output is the embedding; the last global average pooling unless given.
 * @throws {Error} that names the first layer that is not supported, and why.
 */
export function importLayersModel(
  topology: Readonly<Record<string, unknown>>,
  weights: ReadonlyMap<string, BundleTensor>,
  output?: string,
): ImportedNetwork {
  const parsed = modelSchema.safeParse(topology.model_config ?? topology);
  if (!parsed.success)
    throw new Error('The topology is not that of a Keras model: its layers are not there.');
  const { class_name, config } = parsed.data;
  const listed = Array.isArray(config) ? config : config.layers;
  const layers = class_name === 'Sequential' ? withPicture(listed) : listed;
  const inputs = new Map(
    layers.map((layer, i) => [
      layer.config.name,
      class_name === 'Sequential' ? (i === 0 ? [] : [layers[i - 1].config.name]) : inputsOf(layer),
    ]),
  );
  const end = output ?? layers.findLast(isGlobalPooling)?.config.name;
  if (end === undefined)
    throw new Error('There is no global average pooling: --output names the layer to end in.');
  if (!inputs.has(end)) throw new Error(`There is no layer "${end}" to end in.`);
  const needed = ancestors(end, inputs);
  const uses = new Map<string, number>();
  for (const name of needed)
    for (const one of inputs.get(name) ?? []) uses.set(one, (uses.get(one) ?? 0) + 1);

  const builder = new TopologyBuilder(uses);
  let input: InputSize | undefined;
  for (const layer of layers) {
    const { name } = layer.config;
    if (!needed.has(name)) continue;
    if (layer.class_name === 'InputLayer') {
      if (input !== undefined) throw new Error(`"${name}" is a second input; one is supported.`);
      input = pictureSize(layer);
      builder.picture(name, input);
    } else {
      translate(layer, inputs.get(name) ?? [], builder, weightsOf(weights, name));
    }
  }
  if (input === undefined) throw new Error('The model has no input layer.');
  const [height, width, dimension] = builder.shapeOf(end);
  if (height !== 1 || width !== 1)
    throw new Error(`"${end}" gives ${height}×${width} pixels, not one embedding.`);
  return { input, topology: builder.topology, parameters: builder.parameters, dimension, output: end };
}

/** The layers of a sequence, whose first says what it takes. */
function withPicture(layers: readonly KerasLayer[]): KerasLayer[] {
  const [first] = layers;
  if (first?.class_name === 'InputLayer' || first?.config.batch_input_shape === undefined) return [...layers];
  const config = { name: `${first.config.name}_input`, batch_input_shape: first.config.batch_input_shape };
  return [{ class_name: 'InputLayer', config }, ...layers];
}

function isGlobalPooling({ class_name }: KerasLayer): boolean {
  return class_name === 'GlobalAveragePooling2D';
}

function inputsOf({ config, inbound_nodes = [] }: KerasLayer): string[] {
  if (inbound_nodes.length > 1)
    throw new Error(`"${config.name}" is used more than once; once is supported.`);
  const parsed = z.array(z.tuple([z.string()], z.unknown())).safeParse(inbound_nodes[0] ?? []);
  if (!parsed.success)
    throw new Error(`"${config.name}" does not say which layers it takes as Keras 2 does.`);
  return parsed.data.map(([name]) => name);
}

function ancestors(end: string, inputs: ReadonlyMap<string, readonly string[]>): Set<string> {
  const found = new Set<string>();
  const open = [end];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    open.push(...(inputs.get(name) ?? []));
  }
  return found;
}

function pictureSize({ config }: KerasLayer): InputSize {
  const shape = inputSchema.safeParse(config.batch_input_shape);
  if (!shape.success) {
    throw new Error(
      `"${config.name}" takes ${JSON.stringify(config.batch_input_shape)}; [null, height, width, 1 or 3] is supported.`,
    );
  }
  const [, height, width, channels] = shape.data;
  return { height, width, channels };
}

type Part = (part: string) => BundleTensor | undefined;

function weightsOf(weights: ReadonlyMap<string, BundleTensor>, layer: string): Part {
  const bySuffix = new Map<string, BundleTensor>();
  for (const [name, tensor] of weights) {
    const [part, owner] = name.split('/').reverse();
    if (owner === layer) bySuffix.set(part, tensor);
  }
  return (part) => bySuffix.get(part);
}

function translate(layer: KerasLayer, inputs: readonly string[], builder: TopologyBuilder, part: Part): void {
  const { class_name: kind, config } = layer;
  const { name } = config;
  const [input] = inputs;
  const needed = (of: string) => {
    const tensor = part(of);
    if (tensor === undefined) throw new Error(`The weight "${name}/${of}" is missing.`);
    return tensor;
  };
  if ((config.data_format ?? 'channels_last') !== 'channels_last') {
    throw new Error(`"${name}" has its channels first; channels last are supported.`);
  }
  switch (kind) {
    case 'Conv2D':
    case 'DepthwiseConv2D': {
      const depthwise = kind === 'DepthwiseConv2D';
      if (config.groups !== undefined && config.groups !== 1) throw new Error(`"${name}" has groups.`);
      if (one(config.dilation_rate ?? 1, name) !== 1) throw new Error(`"${name}" is dilated.`);
      const place = windowsOf(config, config.kernel_size, config.strides ?? 1);
      const bias = config.use_bias === false ? undefined : needed('bias');
      builder.convolution(
        name,
        input,
        place,
        depthwise,
        needed(depthwise ? 'depthwise_kernel' : 'kernel'),
        bias,
      );
      activateInPlace(config, builder);
      break;
    }
    case 'Dense':
      builder.linear(name, input, needed('kernel'), config.use_bias === false ? undefined : needed('bias'));
      activateInPlace(config, builder);
      break;
    case 'BatchNormalization': {
      const axis = Array.isArray(config.axis) ? config.axis[0] : (config.axis ?? -1);
      if (axis !== -1 && axis !== 3)
        throw new Error(`"${name}" normalises along axis ${axis}, not the channels.`);
      builder.batchNormalisation(name, input, z.number().parse(config.epsilon ?? 1e-3), {
        ...(config.scale !== false && { gamma: needed('gamma') }),
        ...(config.center !== false && { beta: needed('beta') }),
        mean: needed('moving_mean'),
        variance: needed('moving_variance'),
      });
      break;
    }
    case 'Activation': {
      const activation = activationOf(name, config.activation);
      if (activation === undefined) builder.same(name, input);
      else builder.activation(name, input, activation);
      break;
    }
    case 'ReLU': {
      const { max_value = null, threshold = 0, negative_slope = 0 } = config;
      if (
        (max_value !== null && max_value !== 6) ||
        Number(threshold) !== 0 ||
        Number(negative_slope) !== 0
      ) {
        throw new Error(`"${name}" is a ReLU with a threshold, a slope or a limit other than 6.`);
      }
      builder.activation(name, input, max_value === 6 ? 'relu6' : 'relu');
      break;
    }
    case 'ZeroPadding2D': {
      const [[top, bottom], [left, right]] = z
        .tuple([z.tuple([z.int(), z.int()]), z.tuple([z.int(), z.int()])])
        .parse(sidesOf(config.padding));
      builder.zeros(name, input, { top, right, bottom, left });
      break;
    }
    case 'MaxPooling2D':
      builder.maxPool(name, input, windowsOf(config, config.pool_size, config.strides ?? config.pool_size));
      break;
    case 'AveragePooling2D':
      builder.averagePool(
        name,
        input,
        windowsOf(config, config.pool_size, config.strides ?? config.pool_size),
      );
      break;
    case 'GlobalAveragePooling2D':
      builder.globalAveragePool(name, input);
      break;
    case 'Add':
      builder.add(name, inputs);
      break;
    case 'Concatenate':
      if (config.axis !== -1 && config.axis !== 3) throw new Error(`"${name}" joins other than channels.`);
      builder.concatenate(name, inputs);
      break;
    case 'Dropout':
    case 'SpatialDropout2D':
      builder.same(name, input);
      break;
    case 'Flatten':
    case 'Reshape':
      builder.reshape(name, input);
      break;
    default:
      throw new Error(`The layer "${name}" is a ${kind}, which is not supported. Supported are ${KINDS}.`);
  }
}

function activateInPlace(config: KerasLayer['config'], builder: TopologyBuilder): void {
  const activation = activationOf(config.name, config.activation);
  if (activation !== undefined) builder.activate(config.name, activation);
}

function activationOf(name: string, activation: unknown) {
  switch (activation) {
    case undefined:
    case null:
    case 'linear':
      return undefined;
    case 'relu':
    case 'relu6':
    case 'sigmoid':
      return activation;
    default:
      throw new Error(
        `The activation of "${name}" is ${JSON.stringify(activation)}; relu, relu6, sigmoid and linear are supported.`,
      );
  }
}

function windowsOf({ name, padding }: KerasLayer['config'], size: unknown, strides: unknown): Windows {
  const kind = z.enum(['same', 'valid']).safeParse(padding ?? 'valid');
  if (!kind.success)
    throw new Error(`"${name}" pads by ${JSON.stringify(padding)}; same and valid are supported.`);
  return { kernel: one(size, name), stride: one(strides, name), padding: kind.data };
}

/** A number that a layer may give for both directions, or twice. */
function one(value: unknown, name: string): number {
  const parsed = pair.safeParse(value);
  const [rows, columns] = parsed.success ? [parsed.data].flat() : [undefined, undefined];
  if (rows === undefined || (columns !== undefined && columns !== rows)) {
    throw new Error(
      `"${name}" says ${JSON.stringify(value)} where one number for both directions is supported.`,
    );
  }
  return rows;
}

/** Keras's three ways to write a padding as the longest of them. */
function sidesOf(padding: unknown): unknown {
  if (typeof padding === 'number') return [Array(2).fill(padding), Array(2).fill(padding)];
  if (!Array.isArray(padding)) return padding;
  return padding.map((both) => (typeof both === 'number' ? [both, both] : both));
}
