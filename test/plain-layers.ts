import type {
  Activation,
  Architecture,
  ConvolutionLayer,
  Layers,
  LinearLayer,
  NormalisationLayer,
  Padding,
  PoolWindow,
  Sides,
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
export class PlainLayers implements Layers<PlainMap> {
  readonly #tensors: Tensors;

  constructor(tensors: Tensors) {
    this.#tensors = tensors;
  }

  convolution(input: PlainMap, layer: ConvolutionLayer): PlainMap {
    const { top, right, bottom, left } = sides(layer.padding);
    const padded = pad(input, top, right, bottom, left);
    return this.#finish(convolution(padded, this.#tensors, layer.name, 0, layer.stride ?? 1), layer);
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

  maxPool(input: PlainMap, size: number, window: PoolWindow = {}): PlainMap {
    const { stride = size, ceil = false } = window;
    const { top, right, bottom, left } = sides(window.padding);
    const padded = pad(input, top, right, bottom, left, -Infinity);
    return pool(padded, size, stride, ceil, input, top, left, (values) => Math.max(...values));
  }

  averagePool(input: PlainMap, size: number): PlainMap {
    return pool(
      input,
      size,
      size,
      false,
      input,
      0,
      0,
      (values) => values.reduce((a, b) => a + b) / values.length,
    );
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

  multiply(a: PlainMap, b: PlainMap): PlainMap {
    return { ...a, values: a.values.map((value, i) => value * b.values[i]) };
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

/** A padding by side. */
function sides(padding: Padding = 0): Sides {
  if (typeof padding !== 'number') return padding;
  return { top: padding, right: padding, bottom: padding, left: padding };
}

/** A map with rows and columns of one number around it. */
function pad(map: PlainMap, top: number, right: number, bottom: number, left: number, by = 0): PlainMap {
  const height = top + map.height + bottom;
  const width = left + map.width + right;
  const values = Array<number>(height * width * map.channels).fill(by);
  for (const [i, value] of map.values.entries()) {
    const pixel = Math.floor(i / map.channels);
    const row = top + Math.floor(pixel / map.width);
    const column = left + (pixel % map.width);
    values[(row * width + column) * map.channels + (i % map.channels)] = value;
  }
  return { height, width, channels: map.channels, values };
}

/**
 * One number for the values of every window and channel that lie on the map. Windows are those of PyTorch's
 * documentation: with `ceil` one more where the last does not fit, unless it begins behind the map.
 */
function pool(
  map: PlainMap,
  size: number,
  stride: number,
  ceil: boolean,
  unpadded: PlainMap,
  top: number,
  left: number,
  reduce: (values: number[]) => number,
): PlainMap {
  const starts = (length: number, end: number) => {
    const found: number[] = [];
    for (let start = 0; start + size <= length || (ceil && start < end); start += stride) {
      found.push(start);
      if (start + size >= length) break;
    }
    return found;
  };
  const rows = starts(map.height, top + unpadded.height);
  const columns = starts(map.width, left + unpadded.width);
  const values: number[] = [];
  for (const y of rows) {
    for (const x of columns) {
      for (let c = 0; c < map.channels; c++) {
        const window: number[] = [];
        for (let row = y; row < Math.min(y + size, map.height); row++) {
          for (let column = x; column < Math.min(x + size, map.width); column++) {
            window.push(map.values[(row * map.width + column) * map.channels + c]);
          }
        }
        values.push(reduce(window));
      }
    }
  }
  return { height: rows.length, width: columns.length, channels: map.channels, values };
}
