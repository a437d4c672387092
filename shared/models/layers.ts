/**
 * The vocabulary in which a network is written, once. An architecture is a function over some value `T`;
 * what `T` is decides what running it means: shapes (which parameters does it have?), tensors in training
 * (batch statistics, gradients) or tensors in serving (batch normalisation folded into the convolutions).
 *
 * Maps are NHWC. Parameter names and stored layouts are PyTorch's.
 */
export interface Layers<T> {
  /** Convolution, then batch normalisation, then activation, the last two where they are named. */
  convolution(input: T, layer: ConvolutionLayer): T;
  /** Maximum over windows of `size`×`size`, `size` apart; what does not fill a window is left out. */
  maxPool(input: T, size: number): T;
  /** A 1×1 map to one row of channels for each image: [N, 1, 1, C] → [N, C]. */
  flatten(input: T): T;
}

export interface ConvolutionLayer {
  /** Name of the convolution's parameters: `<name>.weight` [out, in, kernel, kernel], `<name>.bias` [out]. */
  readonly name: string;
  readonly filters: number;
  readonly kernel: number;
  /** Zeros on every side, the same in each direction (as PyTorch pads). Default 0. */
  readonly padding?: number;
  /** Default 1. */
  readonly stride?: number;
  /** Name of the batch normalisation's parameters. Without one the convolution has a bias. */
  readonly normalisation?: string;
  readonly activation?: Activation;
}

export type Activation =
  | { readonly kind: 'relu' }
  /** One learned slope a channel: `<name>.weight` [channels]. */
  | { readonly kind: 'prelu'; readonly name: string };

/** A network as a function from pictures to embeddings. */
export interface Architecture {
  readonly name: string;
  readonly input: { readonly height: number; readonly width: number; readonly channels: 1 | 3 };
  readonly dimension: number;
  embed<T>(layers: Layers<T>, images: T): T;
}

/** Batch normalisation's guard against a variance of zero (PyTorch's default). */
export const NORMALISATION_EPSILON = 1e-5;
