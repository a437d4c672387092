import type {
  Activation,
  Architecture,
  ConvolutionLayer,
  InputSize,
  Layers,
  LinearLayer,
  NormalisationLayer,
  PoolWindow,
} from '../models/layers.ts';
import { type MapShape, windows } from '../models/structure.ts';
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
    const { name, filters, kernel, stride = 1, padding = 0, depthwise, normalisation, activation } = layer;
    const [height, width] = input.shape;
    return this.#step({
      kind: depthwise ? 'depthwise convolution' : 'convolution',
      output: value(
        windows(height, kernel, stride, padding),
        windows(width, kernel, stride, padding),
        filters,
      ),
      ...{ name, normalisation, input, kernel, stride, padding, activation },
      hasBias: layer.bias ?? normalisation === undefined,
      addend: undefined,
    });
  }

  linear(input: Value, { name, features, normalisation, bias, activation }: LinearLayer): Value {
    return this.#step({
      kind: 'convolution',
      output: value(1, 1, features),
      ...{ name, normalisation, input, activation },
      ...{ kernel: 1, stride: 1, padding: 0, addend: undefined },
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
    const { stride = size, padding = 0 } = window;
    const [height, width, channels] = input.shape;
    return this.#step({
      kind: 'max pooling',
      output: value(windows(height, size, stride, padding), windows(width, size, stride, padding), channels),
      ...{ input, size, stride, padding },
    });
  }

  averagePool(input: Value, size: number): Value {
    const [height, width, channels] = input.shape;
    return this.#step({
      kind: 'average pooling',
      output: value(windows(height, size, size, 0), windows(width, size, size, 0), channels),
      ...{ input, size, stride: size, padding: 0 },
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

function like({ shape }: Value): Value {
  return { shape };
}
