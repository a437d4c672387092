import * as tf from '@tensorflow/tfjs-core';
import { type Bundle, BundleError, type BundleTensor } from '../bundle/bundle.ts';
import type { Manifest } from '../bundle/manifest.ts';
import { architectureOf } from './architecture-of.ts';
import { complaintsAbout } from './fit.ts';
import { foldedFilter } from './folded-filter.ts';
import {
  type Activation,
  type Architecture,
  type ConvolutionLayer,
  type LinearLayer,
  NORMALISATION_EPSILON,
  type NormalisationLayer,
} from './layers.ts';
import { sidesOf, tensorPadding } from './padding.ts';
import { structureOf } from './structure.ts';
import { TensorLayers } from './tensor-layers.ts';

/** A bundle's network ready to embed, on tfjs's current backend. */
export class ServingModel {
  readonly manifest: Manifest;
  readonly sha256: string;
  readonly #architecture: Architecture;
  readonly #layers: ServingLayers;

  private constructor(bundle: Bundle, architecture: Architecture, layers: ServingLayers) {
    this.manifest = bundle.manifest;
    this.sha256 = bundle.sha256;
    this.#architecture = architecture;
    this.#layers = layers;
  }

  /**
   * Builds the network of a bundle: every parameter must be there with its shape, and nothing else.
   * Throws {@link BundleError}.
   */
  static load(bundle: Bundle): ServingModel {
    const { manifest, tensors } = bundle;
    const architecture = architectureOf(manifest);
    checkFit(architecture, manifest, tensors);
    const byLayer = manifest.weights?.serving === 'by-layer';
    return new ServingModel(bundle, architecture, new ServingLayers(tensors, byLayer));
  }

  /**
   * Embeds preprocessed images.
   *
   * @param images `count` images as `preprocess` gives them, one after the other.
   * @param flip whether the features of each image and of its mirror image are averaged, as fast-reid's flip
   * test does, before they get unit length.
   * @returns `count` rows of `manifest.embedding.dimension` numbers, each row of unit length.
   */
  async embed(images: Float32Array, count: number, flip = false): Promise<Float32Array> {
    return this.#run(images, count, flip, (features) =>
      tf.div(features, tf.maximum(tf.norm(features, 2, 1, true), 1e-12)),
    );
  }

  /** The features of preprocessed images as the network gives them: `embed` before they get unit length. */
  async features(images: Float32Array, count: number): Promise<Float32Array> {
    return this.#run(images, count, false, (features) => features);
  }

  async #run(
    images: Float32Array,
    count: number,
    flip: boolean,
    finish: (features: tf.Tensor) => tf.Tensor,
  ): Promise<Float32Array> {
    const { height, width, channels } = this.manifest.input;
    const embeddings = tf.tidy(() => {
      const input = tf.tensor4d(images, [count, height, width, channels]);
      const straight = this.#architecture.embed<tf.Tensor>(this.#layers, input);
      // The sum has the direction of the mean, and a length that is gone in the next line.
      const features = flip
        ? tf.add(straight, this.#architecture.embed<tf.Tensor>(this.#layers, tf.reverse(input, 2)))
        : straight;
      return finish(features);
    });
    try {
      return (await embeddings.data()) as Float32Array;
    } finally {
      embeddings.dispose();
    }
  }

  /** Frees the weights. The model cannot be used afterwards. */
  dispose(): void {
    this.#layers.dispose();
  }
}

function checkFit(
  architecture: Architecture,
  manifest: Manifest,
  tensors: ReadonlyMap<string, BundleTensor>,
): void {
  const { dimension } = architecture;
  checkInput(architecture, manifest);
  if (manifest.embedding.dimension !== dimension) {
    throw new BundleError(
      `The manifest's embedding.dimension is ${manifest.embedding.dimension}; ${architecture.name} gives ${dimension}.`,
    );
  }

  const complaints = complaintsAbout(architecture, tensors);
  if (complaints.length > 0) {
    throw new BundleError(`The tensors do not fit ${architecture.name}: ${complaints.join('; ')}.`);
  }
}

function checkInput(architecture: Architecture, { input }: Manifest): void {
  const { name, resizable } = architecture;
  const { height, width, channels } = architecture.input;
  const shown = `The manifest's input is ${input.height}×${input.width}×${input.channels}`;
  if (resizable && input.channels === channels) {
    try {
      structureOf(architecture, input);
    } catch (cause) {
      throw new BundleError(`${shown}: ${(cause as Error).message}`, { cause });
    }
  } else if (input.height !== height || input.width !== width || input.channels !== channels) {
    const taken = resizable
      ? `pictures of any size with ${channels} channels`
      : `${height}×${width}×${channels}`;
    throw new BundleError(`${shown}; ${name} takes ${taken}.`);
  }
}

/** Products with their bias: what a convolution or a fully connected layer and its normalisation come to. */
interface FoldedLayer {
  readonly filter: tf.Tensor;
  readonly bias: tf.Tensor1D | undefined;
}

/** What both kinds of layers say that are folded. */
type Foldable = Pick<ConvolutionLayer, 'name' | 'normalisation' | 'bias'>;

/**
 * Runs a network for serving. Batch normalisation at rest is an affine map of each channel,
 * y = (x − mean) · weight / √(variance + ε) + bias, so it is folded into the convolution or the fully
 * connected layer before it, and products, bias and activation are one fused kernel.
 */
class ServingLayers extends TensorLayers {
  readonly #tensors: ReadonlyMap<string, BundleTensor>;
  /** Whether filters are made for each run of a layer, and freed after it. */
  readonly #byLayer: boolean;
  /** Tensors made at their first use, which outlive the tidy that first asked for them. */
  readonly #kept = new Map<string, tf.Tensor>();
  readonly #folded = new Map<string, FoldedLayer>();
  /** By layer, where each filter is expanded in its turn: as large as the largest so far. */
  #scratch = new Float32Array();

  constructor(tensors: ReadonlyMap<string, BundleTensor>, byLayer: boolean) {
    super();
    this.#tensors = tensors;
    this.#byLayer = byLayer;
  }

  convolution(input: tf.Tensor, layer: ConvolutionLayer): tf.Tensor {
    const { filter, bias } = this.#fold(layer, layer.depthwise ? depthwiseShape : convolutionShape);
    const convolve = layer.depthwise ? tf.fused.depthwiseConv2d : tf.fused.conv2d;
    const output = convolve({
      x: input as tf.Tensor4D,
      filter: filter as tf.Tensor4D,
      strides: layer.stride ?? 1,
      // tfjs's type for the depthwise one leaves out the padding by side, which it takes all the same.
      pad: tensorPadding(sidesOf(layer.padding)) as number,
      ...(bias && { bias }),
      ...this.#fusedActivation(layer.activation),
    });
    if (this.#byLayer) filter.dispose();
    return output;
  }

  linear(input: tf.Tensor, layer: LinearLayer): tf.Tensor {
    const { filter, bias } = this.#fold(layer, linearShape);
    const output = tf.fused.matMul({
      a: input,
      b: filter,
      ...(bias && { bias }),
      ...this.#fusedActivation(layer.activation),
    });
    if (this.#byLayer) filter.dispose();
    return output;
  }

  batchNormalisation(input: tf.Tensor, { name, activation }: NormalisationLayer): tf.Tensor {
    const factor = this.#once(`${name} factor`, () => tf.tensor1d(this.#affine(name).factor));
    const shift = this.#once(`${name} shift`, () => tf.tensor1d(this.#affine(name).shift));
    return this.activate(tf.add(tf.mul(input, factor), shift), activation);
  }

  dispose(): void {
    tf.dispose([...this.#kept.values()]);
    this.#kept.clear();
    this.#folded.clear();
  }

  protected parameter(name: string): tf.Tensor {
    return this.#once(name, () => {
      const { shape, data } = this.#stored(name);
      return tf.tensor(data, shape as number[]);
    });
  }

  #fusedActivation(activation: Activation | undefined) {
    return {
      activation: activation?.kind ?? ('linear' as const),
      ...(activation?.kind === 'prelu' && {
        preluActivationWeights: this.parameter(`${activation.name}.weight`),
      }),
    };
  }

  /** @param filterShape the shape in which tfjs takes weights of a stored one. */
  #fold(layer: Foldable, filterShape: (stored: readonly number[]) => number[]): FoldedLayer {
    const known = this.#folded.get(layer.name);
    if (known !== undefined) return known;

    const weights = this.#stored(`${layer.name}.weight`);
    const hasBias = layer.bias ?? layer.normalisation === undefined;
    const affine = layer.normalisation === undefined ? undefined : this.#affine(layer.normalisation);
    const shape = filterShape(weights.shape);
    const makeFilter = () => tf.tensor(foldedFilter(weights, affine?.factor), shape);
    const makeBias = () => {
      const bias = hasBias ? this.#stored(`${layer.name}.bias`).data : undefined;
      if (affine === undefined) return tf.tensor1d(bias as Float32Array);
      return tf.tensor1d(affine.shift.map((value, o) => value + (bias?.[o] ?? 0) * affine.factor[o]));
    };
    const bias = hasBias || affine ? this.#once(`${layer.name} bias`, makeBias) : undefined;
    if (this.#byLayer) {
      const values = foldedFilter(weights, affine?.factor, this.#scratchOf(tf.util.sizeFromShape(shape)));
      return { filter: tf.tensor(values, shape), bias };
    }
    const folded = { filter: this.#once(`${layer.name} filter`, makeFilter), bias };
    this.#folded.set(layer.name, folded);
    return folded;
  }

  #scratchOf(length: number): Float32Array {
    if (this.#scratch.length < length) this.#scratch = new Float32Array(length);
    return this.#scratch.subarray(0, length);
  }

  /** Batch normalisation at rest: x · factor + shift. */
  #affine(name: string): { factor: Float32Array; shift: Float32Array } {
    const [weight, bias, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map(
      (part) => this.#stored(`${name}.${part}`).data,
    );
    const factor = weight.map((value, c) => value / Math.sqrt(variance[c] + NORMALISATION_EPSILON));
    return { factor, shift: bias.map((value, c) => value - mean[c] * factor[c]) };
  }

  #once<T extends tf.Tensor>(key: string, make: () => T): T {
    let tensor = this.#kept.get(key) as T | undefined;
    if (tensor === undefined) {
      tensor = tf.keep(make());
      this.#kept.set(key, tensor);
    }
    return tensor;
  }

  #stored(name: string): BundleTensor {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) throw new BundleError(`The tensor "${name}" is missing.`);
    return tensor;
  }
}

function convolutionShape([filters, inputs, kernel]: readonly number[]): number[] {
  return [kernel, kernel, inputs, filters];
}

function depthwiseShape([filters, , kernel]: readonly number[]): number[] {
  return [kernel, kernel, filters, 1];
}

function linearShape([outputs, inputs]: readonly number[]): number[] {
  return [inputs, outputs];
}
