import type {
  Activation,
  Architecture,
  ConvolutionLayer,
  Layers,
  LinearLayer,
  NormalisationLayer,
  PoolWindow,
} from './layers.ts';
import { poolPadding, sidesOf, windows } from './padding.ts';
import type { Parameter, ParameterRole } from './parameters.ts';

/** Height, width and channels of a map. */
export type MapShape = readonly [height: number, width: number, channels: number];

/** One layer as a network runs it. */
export interface LayerStructure {
  readonly kind: string;
  /** What its parameters' names begin with; empty where it has none. */
  readonly name: string;
  readonly output: MapShape;
  /** A layer that is run again (a gate that branches share) lists them the first time only. */
  readonly parameters: readonly Parameter[];
  /** Of convolutions and fully connected layers, for one picture; biases and all else count nothing. */
  readonly multiplyAdds: number;
}

/**
 * The layers of an architecture in the order in which they run, by running it on shapes alone.
 *
 * @param size height and width of the pictures; the architecture's own without it.
 * @param dimension that the network has to end in; `any` where that is what is asked.
 * @throws {Error} if the network does not end in an embedding of its dimension, or the pictures are too small.
 */
export function structureOf(
  architecture: Architecture,
  size: { readonly height: number; readonly width: number } = architecture.input,
  dimension: number | 'any' = architecture.dimension,
): LayerStructure[] {
  const shapes = new ShapeLayers(architecture.name);
  const [h, w, found] = architecture.embed<MapShape>(shapes, [
    size.height,
    size.width,
    architecture.input.channels,
  ]);
  if (h !== 1 || w !== 1 || (dimension !== 'any' && found !== dimension)) {
    throw new Error(`${architecture.name} ends in ${h}×${w}×${found}, not in an embedding of ${dimension}.`);
  }
  return shapes.layers;
}

/** Runs a network on shapes. */
class ShapeLayers implements Layers<MapShape> {
  readonly layers: LayerStructure[] = [];
  readonly #architecture: string;
  readonly #listed = new Map<string, string>();
  #parameters: Parameter[] = [];

  constructor(architecture: string) {
    this.#architecture = architecture;
  }

  convolution([height, width, channels]: MapShape, layer: ConvolutionLayer): MapShape {
    const { name, filters, kernel, stride = 1, depthwise, normalisation, activation } = layer;
    const { top, right, bottom, left } = sidesOf(layer.padding);
    if (depthwise && filters !== channels) {
      throw new Error(`${name} is depthwise: ${filters} filters do not fit ${channels} channels.`);
    }
    const inputs = depthwise ? 1 : channels;
    const role = depthwise ? 'depthwise-weight' : 'convolution-weight';
    this.#add(`${name}.weight`, [filters, inputs, kernel, kernel], role);
    if (layer.bias ?? normalisation === undefined) this.#add(`${name}.bias`, [filters], 'convolution-bias');
    if (normalisation !== undefined) this.#addBatchNormalisation(normalisation, filters);
    this.#addActivation(activation, filters);
    const output = [
      windows(height, kernel, stride, top, bottom),
      windows(width, kernel, stride, left, right),
      filters,
    ];
    const products = output[0] * output[1] * filters * inputs * kernel * kernel;
    return this.#layer(depthwise ? 'depthwise convolution' : 'convolution', name, output, products);
  }

  linear([height, width, channels]: MapShape, layer: LinearLayer): MapShape {
    const { name, features, normalisation, activation } = layer;
    this.#add(`${name}.weight`, [features, channels], 'linear-weight');
    if (layer.bias ?? normalisation === undefined) this.#add(`${name}.bias`, [features], 'linear-bias');
    if (normalisation !== undefined) this.#addBatchNormalisation(normalisation, features);
    this.#addActivation(activation, features);
    return this.#layer('fully connected', name, [height, width, features], channels * features);
  }

  batchNormalisation(shape: MapShape, { name, activation }: NormalisationLayer): MapShape {
    this.#addBatchNormalisation(name, shape[2]);
    this.#addActivation(activation, shape[2]);
    return this.#layer('batch normalisation', name, shape);
  }

  instanceNormalisation(shape: MapShape, { name, activation }: NormalisationLayer): MapShape {
    this.#addAffine(name, shape[2]);
    this.#addActivation(activation, shape[2]);
    return this.#layer('instance normalisation', name, shape);
  }

  activate(shape: MapShape, activation: Activation): MapShape {
    this.#addActivation(activation, shape[2]);
    return this.#layer(activation.kind, '', shape);
  }

  maxPool([height, width, channels]: MapShape, size: number, window: PoolWindow = {}): MapShape {
    const { stride = size } = window;
    if (Math.max(...Object.values(sidesOf(window.padding))) >= size) {
      throw new Error(
        `a window of ${size} of a max pooling of ${this.#architecture} is nothing but padding.`,
      );
    }
    const { top, right, bottom, left } = poolPadding(height, width, size, window);
    return this.#layer('max pooling', '', [
      windows(height, size, stride, top, bottom),
      windows(width, size, stride, left, right),
      channels,
    ]);
  }

  averagePool([height, width, channels]: MapShape, size: number): MapShape {
    return this.#layer('average pooling', '', [
      Math.floor(height / size),
      Math.floor(width / size),
      channels,
    ]);
  }

  globalAveragePool([, , channels]: MapShape): MapShape {
    return this.#layer('global average pooling', '', [1, 1, channels]);
  }

  generalisedMeanPool([, , channels]: MapShape, name: string): MapShape {
    this.#add(`${name}.p`, [1], 'pool-exponent');
    return this.#layer('generalised mean pooling', name, [1, 1, channels]);
  }

  add(a: MapShape, b: MapShape): MapShape {
    this.#checkSame(a, b);
    return this.#layer('sum', '', a);
  }

  multiply(a: MapShape, b: MapShape): MapShape {
    this.#checkSame(a, b);
    return this.#layer('product', '', a);
  }

  scaleChannels(shape: MapShape): MapShape {
    return this.#layer('product', '', shape);
  }

  splitChannels([height, width]: MapShape, channels: readonly number[]): MapShape[] {
    // Views of what is there: nothing is computed.
    return channels.map((part) => [height, width, part]);
  }

  concatenateChannels(parts: readonly MapShape[]): MapShape {
    const [height, width] = parts[0];
    return this.#layer('concatenation', '', [height, width, parts.reduce((sum, part) => sum + part[2], 0)]);
  }

  part(compute: () => MapShape): MapShape {
    return compute();
  }

  flatten(shape: MapShape): MapShape {
    return shape;
  }

  #checkSame(a: MapShape, b: MapShape): void {
    if (a.join() === b.join()) return;
    throw new Error(`${this.#architecture} puts ${b.join('×')} together with ${a.join('×')}.`);
  }

  #layer(kind: string, name: string, output: readonly number[], multiplyAdds = 0): MapShape {
    const [height, width, channels] = output;
    if (height < 1 || width < 1) {
      throw new Error(
        `The pictures are too small for ${this.#architecture}: ${name || kind} has nothing left.`,
      );
    }
    const shape = [height, width, channels] as const;
    this.layers.push({ kind, name, output: shape, parameters: this.#parameters, multiplyAdds });
    this.#parameters = [];
    return shape;
  }

  #addBatchNormalisation(name: string, channels: number): void {
    this.#addAffine(name, channels);
    this.#add(`${name}.running_mean`, [channels], 'running-mean');
    this.#add(`${name}.running_var`, [channels], 'running-variance');
  }

  #addAffine(name: string, channels: number): void {
    this.#add(`${name}.weight`, [channels], 'normalisation-weight');
    this.#add(`${name}.bias`, [channels], 'normalisation-bias');
  }

  #addActivation(activation: Activation | undefined, channels: number): void {
    if (activation?.kind === 'prelu') this.#add(`${activation.name}.weight`, [channels], 'prelu-slope');
  }

  #add(name: string, shape: number[], role: ParameterRole): void {
    const known = this.#listed.get(name);
    if (known !== undefined) {
      if (known === shape.join()) return;
      throw new Error(`${this.#architecture} has ${name} with shape [${known}] and with [${shape.join()}].`);
    }
    this.#listed.set(name, shape.join());
    this.#parameters.push({ name, shape, role });
  }
}
