import type {
  Activation,
  Architecture,
  ConvolutionLayer,
  InputSize,
  Layers,
  LinearLayer,
  NormalisationLayer,
  PoolWindow,
  Sides,
} from '../models/layers.ts';
import { poolPadding, sidesOf, windows } from '../models/padding.ts';
import type { MapShape } from '../models/structure.ts';
import type { Step, Value } from './steps.ts';

/** A network as the steps that it comes to for pictures of one size. */
export interface RecordedNetwork {
  readonly input: Value;
  readonly output: Value;
  readonly steps: readonly Step[];
}

/** Runs an architecture on the shapes of its maps, and writes down what it does. */
export function recordSteps(
  architecture: Architecture,
  { height, width, channels }: InputSize,
): RecordedNetwork {
  const layers = new RecordingLayers();
  const input: Value = { shape: [height, width, channels] };
  const output = architecture.embed<Value>(layers, input);
  return { input, output, steps: layers.steps };
}

class RecordingLayers implements Layers<Value> {
  readonly steps: Step[] = [];

  convolution(input: Value, layer: ConvolutionLayer): Value {
    const { name, filters, kernel, stride = 1, depthwise, normalisation, activation } = layer;
    const padding = sidesOf(layer.padding);
    // The depthwise kernels have no slopes.
    const isApart = depthwise && activation?.kind === 'prelu';
    const output = this.#step({
      kind: depthwise ? 'depthwise convolution' : 'convolution',
      output: windowed(input, kernel, stride, padding, filters),
      ...{ name, normalisation, input, kernel, stride, padding },
      activation: isApart ? undefined : activation,
      hasBias: layer.bias ?? normalisation === undefined,
      addend: undefined,
    });
    return isApart ? this.activate(output, activation) : output;
  }

  linear(input: Value, { name, features, normalisation, bias, activation }: LinearLayer): Value {
    return this.#step({
      kind: 'convolution',
      output: value(1, 1, features),
      ...{ name, normalisation, input, activation },
      ...{ kernel: 1, stride: 1, padding: sidesOf(), addend: undefined },
      hasBias: bias ?? normalisation === undefined,
    });
  }

  batchNormalisation(input: Value, { name, activation }: NormalisationLayer): Value {
    return this.#step({ kind: 'batch normalisation', output: like(input), name, input, activation });
  }

  instanceNormalisation(input: Value, { name, activation }: NormalisationLayer): Value {
    return this.#step({ kind: 'instance normalisation', output: like(input), name, input, activation });
  }

  activate(input: Value, activation: Activation): Value {
    return this.#step({ kind: 'activation', output: like(input), input, activation });
  }

  maxPool(input: Value, size: number, window: PoolWindow = {}): Value {
    const { stride = size } = window;
    const [height, width, channels] = input.shape;
    const padding = poolPadding(height, width, size, window);
    return this.#step({
      kind: 'max pooling',
      output: windowed(input, size, stride, padding, channels),
      ...{ input, size, stride, padding },
    });
  }

  averagePool(input: Value, size: number): Value {
    const padding = sidesOf();
    return this.#step({
      kind: 'average pooling',
      output: windowed(input, size, size, padding, input.shape[2]),
      ...{ input, size, stride: size, padding },
    });
  }

  globalAveragePool(input: Value): Value {
    return this.#step({
      kind: 'global average pooling',
      output: value(1, 1, input.shape[2]),
      name: '',
      input,
    });
  }

  generalisedMeanPool(input: Value, name: string): Value {
    return this.#step({ kind: 'generalised mean pooling', output: value(1, 1, input.shape[2]), name, input });
  }

  add(a: Value, b: Value): Value {
    return this.#step({ kind: 'sum', output: like(a), input: b, addend: a, activation: undefined });
  }

  multiply(a: Value, b: Value): Value {
    return this.#step({ kind: 'product', output: like(a), input: a, factor: b });
  }

  scaleChannels(input: Value, factors: Value): Value {
    return this.#step({ kind: 'channel scale', output: like(input), input, factors, addend: undefined });
  }

  splitChannels(input: Value, channels: readonly number[]): Value[] {
    const [height, width] = input.shape;
    let from = 0;
    return channels.map((count) => {
      const output = value(height, width, count);
      this.#step({ kind: 'channel copy', output, input, from, to: 0 });
      from += count;
      return output;
    });
  }

  concatenateChannels(parts: readonly Value[]): Value {
    const [height, width] = parts[0].shape;
    const output = value(
      height,
      width,
      parts.reduce((sum, { shape }) => sum + shape[2], 0),
    );
    let to = 0;
    for (const input of parts) {
      this.#step({ kind: 'channel copy', output, input, from: 0, to });
      to += input.shape[2];
    }
    return output;
  }

  part(compute: () => Value): Value {
    return compute();
  }

  flatten(input: Value): Value {
    return input;
  }

  #step(step: Step): Value {
    this.steps.push(step);
    return step.output;
  }
}

function value(...shape: MapShape): Value {
  return { shape };
}

function windowed({ shape }: Value, size: number, stride: number, sides: Sides, channels: number): Value {
  const [height, width] = shape;
  const { top, right, bottom, left } = sides;
  return value(
    windows(height, size, stride, top, bottom),
    windows(width, size, stride, left, right),
    channels,
  );
}

function like({ shape }: Value): Value {
  return { shape };
}
