import type { Variant } from '../bundle/variant.ts';

/**
 * The vocabulary in which a network is written, once. An architecture is a function over some value `T`;
 * what `T` is decides what running it means: shapes (which parameters does it have, and what does it cost?),
 * tensors in training (batch statistics, gradients) or tensors in serving (batch normalisation folded into
 * the convolutions).
 *
 * Maps are NHWC. Parameter names and stored layouts are PyTorch's, and so is the rounding: what does not
 * fill a window is left out.
 */
export interface Layers<T> {
  /** Convolution, then batch normalisation, then activation, the last two where they are named. */
  convolution(input: T, layer: ConvolutionLayer): T;
  /** A fully connected layer on rows, then batch normalisation and activation, where they are named. */
  linear(input: T, layer: LinearLayer): T;
  /** Batch normalisation that does not follow a convolution, then activation. */
  batchNormalisation(input: T, layer: NormalisationLayer): T;
  /** Each channel of each image by its own mean and variance, then weight and bias, then activation. */
  instanceNormalisation(input: T, layer: NormalisationLayer): T;
  activate(input: T, activation: Activation): T;
  /** Maximum over windows of `size`×`size`. */
  maxPool(input: T, size: number, window?: PoolWindow): T;
  /** Mean over windows of `size`×`size`, `size` apart. */
  averagePool(input: T, size: number): T;
  /** The mean of each channel: a 1×1 map. */
  globalAveragePool(input: T): T;
  /**
   * Generalised mean of each channel (Radenović et al., TPAMI 2019), (mean max(x, 1e-6)^p)^(1/p) with the
   * learned exponent `<name>.p` [1]: a 1×1 map.
   */
  generalisedMeanPool(input: T, name: string): T;
  add(a: T, b: T): T;
  /** Two maps of one shape, number by number. */
  multiply(a: T, b: T): T;
  /** A map times a 1×1 map, channel by channel. */
  scaleChannels(input: T, factors: T): T;
  /** Parts of a map by channels. */
  splitChannels(input: T, channels: readonly number[]): T[];
  concatenateChannels(parts: readonly T[]): T;
  /** A part of the network of which only the result is used further on: the rest can be freed with it. */
  part(compute: () => T): T;
  /** A 1×1 map to one row of channels for each image: [N, 1, 1, C] → [N, C]. */
  flatten(input: T): T;
}

export interface ConvolutionLayer {
  /** Name of the parameters: `<name>.weight` [out, in, kernel, kernel], `<name>.bias` [out]. */
  readonly name: string;
  readonly filters: number;
  readonly kernel: number;
  /** Zeros around the map. Default 0. */
  readonly padding?: Padding;
  /** Default 1. */
  readonly stride?: number;
  /** Each channel by a filter of its own, as many filters as channels: weight [out, 1, kernel, kernel]. */
  readonly depthwise?: boolean;
  /** Name of the batch normalisation's parameters. */
  readonly normalisation?: string;
  /** Default: where there is no normalisation. */
  readonly bias?: boolean;
  readonly activation?: Activation;
}

export interface LinearLayer {
  /** Name of the parameters: `<name>.weight` [out, in], `<name>.bias` [out]. */
  readonly name: string;
  readonly features: number;
  readonly normalisation?: string;
  /** Default: where there is no normalisation. */
  readonly bias?: boolean;
  readonly activation?: Activation;
}

export interface NormalisationLayer {
  /** `<name>.weight`, `<name>.bias`; of batch normalisation also `<name>.running_mean` and `_var`: [channels]. */
  readonly name: string;
  readonly activation?: Activation;
}

export interface PoolWindow {
  /** Default: the size. */
  readonly stride?: number;
  /** What is padded is never the maximum. Default 0. */
  readonly padding?: Padding;
  /** Whether a last window that does not fit counts by what there is of it (PyTorch's `ceil_mode`). */
  readonly ceil?: boolean;
}

/** The same on every side, as PyTorch pads, or by side, as TensorFlow's `same` comes to where strides are not 1. */
export type Padding = number | Sides;

export interface Sides {
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly left: number;
}

export type Activation =
  | { readonly kind: 'relu' | 'relu6' | 'sigmoid' }
  /** One learned slope a channel: `<name>.weight` [channels]. */
  | { readonly kind: 'prelu'; readonly name: string };

/** Height, width and channels of a picture. */
export interface InputSize {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
}

/** A network as a function from pictures to embeddings. */
export interface Architecture {
  readonly name: string;
  /** What it takes; of a resizable network, what it is usually given. */
  readonly input: InputSize;
  /** It takes pictures of every height and width, with the same parameters. */
  readonly resizable?: boolean;
  readonly dimension: number;
  /**
   * Names that the parameters of its head begin with: what a state dict of the backbone, as ImageNet leaves
   * it, does not have.
   */
  readonly head?: readonly string[];
  /** What may be otherwise, and the network that comes of it. */
  readonly vary?: {
    readonly fields: readonly (keyof Variant)[];
    by(variant: Variant): Architecture;
  };
  embed<T>(layers: Layers<T>, images: T): T;
}

/** Guard of both normalisations against a variance of zero (PyTorch's default). */
export const NORMALISATION_EPSILON = 1e-5;

/** Smallest value that enters the generalised mean (as in fast-reid and the authors' code). */
export const POOL_FLOOR = 1e-6;
