import type { Topology, TopologyLayer } from '../bundle/topology.ts';
import type { Activation, Architecture, InputSize, Layers } from './layers.ts';
import { structureOf } from './structure.ts';

/** The architecture of bundles that list their layers. */
export const TOPOLOGY = 'topology';

/** The name of the picture among the layers. */
const PICTURE = 'input';

/**
 * A network of listed layers. Its paddings are those of one input size, so it is not resizable.
 *
 * @throws {Error} where a layer takes one that does not come before it, two have one name, or the shapes do not
 * fit.
 */
export function graph(topology: Topology, input: InputSize): Architecture {
  const { layers } = topology;
  const known = new Set([PICTURE]);
  for (const { name, inputs } of layers) {
    const missing = inputs.find((one) => !known.has(one));
    if (missing !== undefined) throw new Error(`${name} takes "${missing}", which does not come before it.`);
    if (known.has(name)) throw new Error(`two layers are named "${name}".`);
    known.add(name);
  }
  const parts = cut(layers);
  const embed = <T>(network: Layers<T>, images: T): T =>
    network.flatten(runUpTo(network, parts, parts.length - 1, images));
  const open: Architecture = { name: TOPOLOGY, input, dimension: 0, embed };
  // Found by running it on shapes; the check of the dimension belongs to networks that say theirs.
  return { ...open, dimension: structureOf(open, input, 'any').at(-1)?.output[2] as number };
}

/**
 * Layers in parts between which one map alone is handed on: the rest of what a part computes is freed with it.
 */
function cut(layers: readonly TopologyLayer[]): TopologyLayer[][] {
  const lastUse = new Map<string, number>();
  for (const [i, { inputs }] of layers.entries()) for (const one of inputs) lastUse.set(one, i);
  const parts: TopologyLayer[][] = [];
  let part: TopologyLayer[] = [];
  let reach = 0;
  for (const [i, layer] of layers.entries()) {
    part.push(layer);
    // All that was computed before this layer is used by it at the latest.
    if (reach <= i && (lastUse.get(PICTURE) ?? 0) <= i) {
      parts.push(part);
      part = [];
    }
    reach = Math.max(reach, lastUse.get(layer.name) ?? i + 1);
  }
  if (part.length > 0) parts.push(part);
  return parts;
}

function runUpTo<T>(network: Layers<T>, parts: readonly TopologyLayer[][], index: number, images: T): T {
  return network.part(() => {
    const before = index === 0 ? images : runUpTo(network, parts, index - 1, images);
    const entry = index === 0 ? PICTURE : (parts[index - 1].at(-1)?.name as string);
    const values = new Map([[entry, before]]);
    let result = before;
    for (const layer of parts[index]) {
      result = run(
        network,
        layer,
        layer.inputs.map((name) => values.get(name) as T),
      );
      values.set(layer.name, result);
    }
    return result;
  });
}

function run<T>(network: Layers<T>, layer: TopologyLayer, inputs: readonly T[]): T {
  const { name } = layer;
  const [input] = inputs;
  switch (layer.kind) {
    case 'convolution': {
      const { filters, kernel, stride, padding, depthwise, bias } = layer;
      const shape = { name, filters, kernel, stride, padding, depthwise, bias };
      return network.convolution(input, { ...shape, ...optionalOf(layer) });
    }
    case 'linear': {
      const { features, bias } = layer;
      return network.linear(network.flatten(input), { name, features, bias, ...optionalOf(layer) });
    }
    case 'batch-normalisation':
      return network.batchNormalisation(input, { name });
    case 'activation':
      return network.activate(input, { kind: layer.activation });
    case 'max-pool':
      return network.maxPool(input, layer.size, { stride: layer.stride, padding: layer.padding });
    case 'average-pool':
      return network.averagePool(input, layer.size);
    case 'global-average-pool':
      return network.globalAveragePool(input);
    case 'add':
      return inputs.reduce((sum, one) => network.add(sum, one));
    case 'concatenate':
      return network.concatenateChannels(inputs);
  }
}

function optionalOf({
  normalisation,
  activation,
}: Pick<TopologyLayer & { kind: 'linear' }, 'normalisation' | 'activation'>) {
  const kind: Activation | undefined = activation && { kind: activation };
  return { ...(normalisation !== undefined && { normalisation }), ...(kind && { activation: kind }) };
}
