import type { BundleTensor } from '@softmargin/shared/bundle/bundle.ts';
import type { Topology, TopologyLayer } from '@softmargin/shared/bundle/topology.ts';
import type { InputSize, Sides } from '@softmargin/shared/models/layers.ts';
import { toStoredLayout } from '@softmargin/shared/models/layout.ts';
import { windows } from '@softmargin/shared/models/padding.ts';

/** Guard of the normalisation in our networks. What another has is added to the variance. */
const OUR_EPSILON = 1e-5;

const NO_SIDES: Sides = { top: 0, right: 0, bottom: 0, left: 0 };

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Layer = TopologyLayer extends infer L ? (L extends TopologyLayer ? Mutable<L> : never) : never;
type Named = 'relu' | 'relu6' | 'sigmoid';

/** A value of the network that is imported. */
interface Value {
  /** The layer of ours that gives it, or `input`. */
  readonly source: string;
  readonly shape: readonly [height: number, width: number, channels: number];
  /** Zeros around it that no layer has taken up yet. */
  readonly zeros?: Sides;
}

/** How windows lie on a map, as TensorFlow says it. */
export interface Windows {
  readonly kernel: number;
  readonly stride: number;
  readonly padding: 'same' | 'valid' | Sides;
}

/**
 * Lists the layers of a TensorFlow network in our vocabulary. Normalisations and activations that nothing else
 * sees the input of become part of the layer before them, and zeros around a map part of the one after it.
 */
export class TopologyBuilder {
  readonly parameters = new Map<string, BundleTensor>();
  readonly #layers: Layer[] = [];
  readonly #values = new Map<string, Value>();
  readonly #uses: ReadonlyMap<string, number>;

  /** @param uses how many layers take each value. */
  constructor(uses: ReadonlyMap<string, number>) {
    this.#uses = uses;
  }

  get topology(): Topology {
    return { layers: this.#layers };
  }

  shapeOf(name: string): Value['shape'] {
    return this.#value(name).shape;
  }

  picture(name: string, { height, width, channels }: InputSize): void {
    this.#values.set(name, { source: 'input', shape: [height, width, channels] });
  }

  /** A value that is another one: dropout at rest, a reshaping of a single pixel. */
  same(name: string, input: string): void {
    this.#values.set(name, this.#value(input));
  }

  zeros(name: string, input: string, zeros: Sides): void {
    const value = this.#value(input);
    if (value.zeros !== undefined) throw new Error(`${name} pads what is padded already.`);
    this.#values.set(name, { ...value, zeros });
  }

  /** @param kernel HWIO, or [height, width, channels, 1] of a depthwise one. */
  convolution(
    name: string,
    input: string,
    place: Windows,
    depthwise: boolean,
    kernel: BundleTensor,
    bias: BundleTensor | undefined,
  ): void {
    const value = this.#value(input);
    const [height, width, inputs, outputs] = kernel.shape;
    if (height !== width || height !== place.kernel) {
      throw new Error(`${name} has a kernel of ${height}×${width}; square ones are supported.`);
    }
    if (depthwise && outputs !== 1) {
      throw new Error(`${name} makes ${outputs} channels of each; one is supported.`);
    }
    if (inputs !== value.shape[2]) {
      throw new Error(`${name} takes ${inputs} channels and gets ${value.shape[2]}.`);
    }
    const filters = depthwise ? inputs : outputs;
    const { padding, shape } = this.#place(name, value, place);
    const stored = [filters, depthwise ? 1 : inputs, height, width];
    this.#add(name, [...shape, filters], {
      ...{ kind: 'convolution', name, inputs: [value.source], filters, kernel: height },
      ...{ stride: place.stride, padding, depthwise, bias: bias !== undefined },
    });
    this.parameters.set(`${name}.weight`, { shape: stored, data: toStoredLayout(kernel.data, stored) });
    if (bias !== undefined) this.parameters.set(`${name}.bias`, bias);
  }

  /** @param kernel [in, out]. */
  linear(name: string, input: string, kernel: BundleTensor, bias: BundleTensor | undefined): void {
    const { source, shape } = this.#onePixel(name, input);
    const [inputs, features] = kernel.shape;
    if (inputs !== shape[2]) throw new Error(`${name} takes ${inputs} numbers and gets ${shape[2]}.`);
    this.#add(name, [1, 1, features], {
      ...{ kind: 'linear', name, inputs: [source], features, bias: bias !== undefined },
    });
    const stored = [features, inputs];
    this.parameters.set(`${name}.weight`, { shape: stored, data: toStoredLayout(kernel.data, stored) });
    if (bias !== undefined) this.parameters.set(`${name}.bias`, bias);
  }

  /** Adds to each channel, where the input is the products of a layer that nothing else takes. */
  bias(name: string, input: string, bias: BundleTensor): void {
    const layer = this.#openProducts(input);
    if (layer === undefined || layer.bias || layer.normalisation !== undefined) {
      throw new Error(
        `${name} adds to channels of what is not the product of a convolution or a dense layer.`,
      );
    }
    layer.bias = true;
    this.parameters.set(`${layer.name}.bias`, bias);
    this.same(name, input);
  }

  batchNormalisation(
    name: string,
    input: string,
    epsilon: number,
    by: { gamma?: BundleTensor; beta?: BundleTensor; mean: BundleTensor; variance: BundleTensor },
  ): void {
    const value = this.#unpadded(name, input);
    const { shape } = by.mean;
    const layer = this.#openProducts(input);
    if (layer !== undefined && layer.normalisation === undefined) {
      layer.normalisation = name;
      this.same(name, input);
    } else {
      this.#add(name, value.shape, { kind: 'batch-normalisation', name, inputs: [value.source] });
    }
    const filled = (number: number) => ({ shape, data: new Float32Array(shape[0]).fill(number) });
    this.parameters.set(`${name}.weight`, by.gamma ?? filled(1));
    this.parameters.set(`${name}.bias`, by.beta ?? filled(0));
    this.parameters.set(`${name}.running_mean`, by.mean);
    const data = by.variance.data.map((variance) => variance + (epsilon - OUR_EPSILON));
    this.parameters.set(`${name}.running_var`, { shape, data });
  }

  activation(name: string, input: string, activation: Named): void {
    const value = this.#unpadded(name, input);
    const layer = this.#openProducts(input);
    if (layer !== undefined) {
      layer.activation = activation;
      this.same(name, input);
    } else {
      this.#add(name, value.shape, { kind: 'activation', name, inputs: [value.source], activation });
    }
  }

  /** The bias that a layer of products has of itself. */
  setBias(name: string, bias: BundleTensor): void {
    this.#products(name).bias = true;
    this.parameters.set(`${name}.bias`, bias);
  }

  /** The activation that a layer of products has of itself. */
  activate(name: string, activation: Named): void {
    const layer = this.#layers.find((one) => one.name === name);
    if (layer?.kind !== 'convolution' && layer?.kind !== 'linear')
      throw new Error(`${name} has no products.`);
    layer.activation = activation;
  }

  maxPool(name: string, input: string, place: Windows): void {
    const value = this.#value(input);
    // A padded zero is never above what is not negative, so that it is as good as none.
    const layer = this.#layers.find((one) => one.name === value.source);
    const isPositive = layer !== undefined && 'activation' in layer && layer.activation !== undefined;
    if (value.zeros !== undefined && !isPositive) {
      throw new Error(`${name} takes the maximum of zeros around what may be negative.`);
    }
    const { padding, shape } = this.#place(name, value, place);
    this.#add(name, [...shape, value.shape[2]], {
      ...{ kind: 'max-pool', name, inputs: [value.source] },
      ...{ size: place.kernel, stride: place.stride, padding },
    });
  }

  averagePool(name: string, input: string, place: Windows): void {
    const value = this.#unpadded(name, input);
    const { padding, shape } = this.#place(name, value, place);
    if (place.kernel !== place.stride || Object.values(padding).some((side) => side !== 0)) {
      throw new Error(`${name} averages over windows that overlap or are padded; neither is supported.`);
    }
    this.#add(name, [...shape, value.shape[2]], {
      ...{ kind: 'average-pool', name, inputs: [value.source], size: place.kernel },
    });
  }

  globalAveragePool(name: string, input: string): void {
    const { source, shape } = this.#unpadded(name, input);
    this.#add(name, [1, 1, shape[2]], { kind: 'global-average-pool', name, inputs: [source] });
  }

  add(name: string, inputs: readonly string[]): void {
    const values = inputs.map((input) => this.#unpadded(name, input));
    const sources = values.map(({ source }) => source);
    this.#add(name, values[0].shape, { kind: 'add', name, inputs: sources });
  }

  concatenate(name: string, inputs: readonly string[]): void {
    const values = inputs.map((input) => this.#unpadded(name, input));
    const [height, width] = values[0].shape;
    const channels = values.reduce((sum, { shape }) => sum + shape[2], 0);
    const sources = values.map(({ source }) => source);
    this.#add(name, [height, width, channels], { kind: 'concatenate', name, inputs: sources });
  }

  /** A reshaping: of a single pixel it changes nothing that we see. */
  reshape(name: string, input: string): void {
    this.#onePixel(name, input);
    this.same(name, input);
  }

  #value(name: string): Value {
    const value = this.#values.get(name);
    if (value === undefined) throw new Error(`There is no layer "${name}" before it is taken.`);
    return value;
  }

  #unpadded(name: string, input: string): Value {
    const value = this.#value(input);
    if (value.zeros === undefined) return value;
    throw new Error(
      `${name} takes a padded map; only convolutions and maxima are supported after a padding.`,
    );
  }

  #onePixel(name: string, input: string): Value {
    const value = this.#unpadded(name, input);
    const [height, width] = value.shape;
    if (height === 1 && width === 1) return value;
    throw new Error(
      `${name} takes the ${height}×${width} pixels of a map apart; only one pixel is supported.`,
    );
  }

  #products(name: string) {
    const layer = this.#layers.find((one) => one.name === name);
    if (layer?.kind !== 'convolution' && layer?.kind !== 'linear')
      throw new Error(`${name} has no products.`);
    return layer;
  }

  /** The convolution or dense layer that gives a value which nothing else takes, and has no activation. */
  #openProducts(input: string) {
    const { source } = this.#value(input);
    const layer = this.#layers.find(({ name }) => name === source);
    const isProducts = layer?.kind === 'convolution' || layer?.kind === 'linear';
    if (!isProducts || layer.activation !== undefined || this.#uses.get(input) !== 1) return undefined;
    return layer;
  }

  #place(name: string, { shape, zeros }: Value, { kernel, stride, padding }: Windows) {
    const [height, width] = shape;
    if (zeros !== undefined && padding !== 'valid') throw new Error(`${name} pads what is padded already.`);
    const sides =
      padding === 'valid'
        ? (zeros ?? NO_SIDES)
        : padding === 'same'
          ? same(height, width, kernel, stride)
          : padding;
    const { top, right, bottom, left } = sides;
    const rows = windows(height, kernel, stride, top, bottom);
    const columns = windows(width, kernel, stride, left, right);
    return { padding: sides, shape: [rows, columns] as const };
  }

  #add(name: string, shape: Value['shape'], layer: Layer): void {
    if (name === 'input') throw new Error('A layer cannot be named "input".');
    this.#layers.push(layer);
    this.#values.set(name, { source: name, shape });
  }
}

/**
 * TensorFlow's `same`: as many windows as strides begin within the map. What that lacks is padded half and half,
 * the odd row or column at the end.
 */
function same(height: number, width: number, kernel: number, stride: number): Sides {
  const lacking = (length: number) =>
    Math.max(0, (Math.ceil(length / stride) - 1) * stride + kernel - length);
  const [rows, columns] = [lacking(height), lacking(width)];
  const [top, left] = [Math.floor(rows / 2), Math.floor(columns / 2)];
  return { top, right: columns - left, bottom: rows - top, left };
}
