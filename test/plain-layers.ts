import type {
  Activation,
  Architecture,
  ConvolutionLayer,
  Layers,
  LinearLayer,
  NormalisationLayer,
  PoolWindow,
} from '../shared/models/layers.ts';
import {
  convolution,
  each,
  normalisation,
  type PlainMap,
  prelu,
  stored,
  type Tensors,
} from './plain-network.ts';

/** The embedding of one picture by a network at rest, in plain loops. */
export function plainEmbedding(architecture: Architecture, picture: PlainMap, tensors: Tensors): number[] {
  return [...architecture.embed<PlainMap>(new PlainLayers(tensors), picture).values];
}

/** Every layer for one picture, the slow way: as PyTorch documents it, one number after the other. */
class PlainLayers implements Layers<PlainMap> {
  readonly #tensors: Tensors;

  constructor(tensors: Tensors) {
    this.#tensors = tensors;
  }

  convolution(input: PlainMap, layer: ConvolutionLayer): PlainMap {
    const map = convolution(input, this.#tensors, layer.name, layer.padding ?? 0, layer.stride ?? 1);
    return this.#finish(map, layer);
  }

  linear(input: PlainMap, layer: LinearLayer): PlainMap {
    const { shape, data } = stored(this.#tensors, `${layer.name}.weight`);
    const [outputs, inputs] = shape;
    const values = Array.from({ length: outputs }, (_, o) => {
      let sum = this.#tensors.get(`${layer.name}.bias`)?.data[o] ?? 0;
      for (let i = 0; i < inputs; i++) sum += data[o * inputs + i] * input.values[i];
      return sum;
    });
    return this.#finish({ height: 1, width: 1, channels: outputs, values }, layer);
  }

  batchNormalisation(input: PlainMap, { name, activation }: NormalisationLayer): PlainMap {
    return this.activate(normalisation(input, this.#tensors, name), activation);
  }

  instanceNormalisation(input: PlainMap, { name, activation }: NormalisationLayer): PlainMap {
    const weight = stored(this.#tensors, `${name}.weight`).data;
    const bias = stored(this.#tensors, `${name}.bias`).data;
    const means = channelMeans(input, (value) => value);
    const variances = channelMeans(input, (value, c) => (value - means[c]) ** 2);
    const map = each(
      input,
      (value, c) => ((value - means[c]) / Math.sqrt(variances[c] + 1e-5)) * weight[c] + bias[c],
    );
    return this.activate(map, activation);
  }

  activate(input: PlainMap, activation: Activation | undefined): PlainMap {
    switch (activation?.kind) {
      case undefined:
        return input;
      case 'relu':
        return each(input, (value) => Math.max(0, value));
      case 'relu6':
        return each(input, (value) => Math.min(6, Math.max(0, value)));
      case 'sigmoid':
        return each(input, (value) => 1 / (1 + Math.exp(-value)));
      case 'prelu':
        return prelu(input, this.#tensors, activation.name);
    }
  }

  maxPool(input: PlainMap, size: number, { stride = size, padding = 0 }: PoolWindow = {}): PlainMap {
    return pool(input, size, stride, padding, (values) => Math.max(...values));
  }

  averagePool(input: PlainMap, size: number): PlainMap {
    return pool(input, size, size, 0, (values) => values.reduce((a, b) => a + b) / values.length);
  }

  globalAveragePool(input: PlainMap): PlainMap {
    const values = channelMeans(input, (value) => value);
    return { height: 1, width: 1, channels: input.channels, values };
  }

  generalisedMeanPool(input: PlainMap, name: string): PlainMap {
    const [p] = stored(this.#tensors, `${name}.p`).data;
    const means = channelMeans(input, (value) => Math.max(value, 1e-6) ** p);
    return { height: 1, width: 1, channels: input.channels, values: means.map((mean) => mean ** (1 / p)) };
  }

  add(a: PlainMap, b: PlainMap): PlainMap {
    return { ...a, values: a.values.map((value, i) => value + b.values[i]) };
  }

  scaleChannels(input: PlainMap, factors: PlainMap): PlainMap {
    return each(input, (value, c) => value * factors.values[c]);
  }

  splitChannels(input: PlainMap, channels: readonly number[]): PlainMap[] {
    let first = 0;
    return channels.map((count) => {
      const [from, to] = [first, first + count];
      first = to;
      const values = input.values.filter((_, i) => i % input.channels >= from && i % input.channels < to);
      return { ...input, channels: count, values };
    });
  }

  concatenateChannels(parts: readonly PlainMap[]): PlainMap {
    const pixels = parts[0].height * parts[0].width;
    const values: number[] = [];
    for (let pixel = 0; pixel < pixels; pixel++) {
      for (const { channels, values: part } of parts) {
        values.push(...part.slice(pixel * channels, (pixel + 1) * channels));
      }
    }
    return { ...parts[0], channels: parts.reduce((sum, { channels }) => sum + channels, 0), values };
  }

  part(compute: () => PlainMap): PlainMap {
    return compute();
  }

  flatten(input: PlainMap): PlainMap {
    return input;
  }

  #finish(map: PlainMap, layer: Pick<ConvolutionLayer, 'normalisation' | 'activation'>): PlainMap {
    const { normalisation: name, activation } = layer;
    return this.activate(name === undefined ? map : normalisation(map, this.#tensors, name), activation);
  }
}

/** The mean over the pixels of what `of` makes of a value, for every channel. */
function channelMeans(
  { channels, values }: PlainMap,
  of: (value: number, channel: number) => number,
): number[] {
  const sums = Array<number>(channels).fill(0);
  for (const [i, value] of values.entries()) sums[i % channels] += of(value, i % channels);
  return sums.map((sum) => sum / (values.length / channels));
}

/** One number for the values of every window and channel that lie on the map. */
function pool(
  map: PlainMap,
  size: number,
  stride: number,
  padding: number,
  reduce: (values: number[]) => number,
): PlainMap {
  const height = Math.floor((map.height + 2 * padding - size) / stride) + 1;
  const width = Math.floor((map.width + 2 * padding - size) / stride) + 1;
  const values: number[] = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < map.channels; c++) {
        const window: number[] = [];
        for (let v = 0; v < size; v++) {
          for (let u = 0; u < size; u++) {
            const [row, column] = [y * stride + v - padding, x * stride + u - padding];
            if (row < 0 || row >= map.height || column < 0 || column >= map.width) continue;
            window.push(map.values[(row * map.width + column) * map.channels + c]);
          }
        }
        values.push(reduce(window));
      }
    }
  }
  return { height, width, channels: map.channels, values };
}
