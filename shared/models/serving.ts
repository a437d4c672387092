import * as tf from '@tensorflow/tfjs-core';
import { type Bundle, BundleError, type BundleTensor } from '../bundle/bundle.ts';
import type { Manifest } from '../bundle/manifest.ts';
import { CompiledNetwork } from '../inference/compiled-network.ts';
import { affine, stored } from '../inference/fold-weights.ts';
import type { InferenceEngine } from '../inference/inference-kernels.ts';
import { EngineWeights } from '../inference/layer-weights.ts';
import { architectureOf } from './architecture-of.ts';
import { complaintsAbout } from './fit.ts';
import { foldedFilter } from './folded-filter.ts';
import type {
  Activation,
  Architecture,
  ConvolutionLayer,
  InputSize,
  LinearLayer,
  NormalisationLayer,
} from './layers.ts';
import { sidesOf, tensorPadding } from './padding.ts';
import { structureOf } from './structure.ts';
import { TensorLayers } from './tensor-layers.ts';

/** Features of preprocessed images, however they are computed. */
interface Features {
  /** @param images `count` images, one after the other. @returns a row for each, of any length. */
  embed(images: Float32Array, count: number): Promise<Float32Array>;
  dispose(): void;
}

/** A bundle's network ready to embed: by the kernels of an engine, or on tfjs's current backend. */
export class ServingModel {
  readonly manifest: Manifest;
  readonly sha256: string;
  readonly #features: Features;

  private constructor(bundle: Bundle, features: Features) {
    this.manifest = bundle.manifest;
    this.sha256 = bundle.sha256;
    this.#features = features;
  }

  /**
   * Builds the network of a bundle: every parameter must be there with its shape, and nothing else.
   * Throws {@link BundleError}.
   *
   * @param engine computes in place of tfjs, and holds the weights.
   */
  static load(bundle: Bundle, engine?: InferenceEngine): ServingModel {
    const { manifest, tensors } = bundle;
    const architecture = architectureOf(manifest);
    checkFit(architecture, manifest, tensors);
    const features =
      engine === undefined
        ? new TensorFeatures(architecture, manifest, tensors)
        : compiledFeatures(engine, architecture, manifest, tensors);
    return new ServingModel(bundle, features);
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
    const features = await this.features(images, count);
    if (flip) {
      // The sum has the direction of the mean, and a length that is gone in the next line.
      const mirrored = await this.features(mirror(images, this.manifest.input), count);
      for (let i = 0; i < features.length; i++) features[i] += mirrored[i];
    }
    return toUnitLength(features, count);
  }

  /** The features of preprocessed images as the network gives them: `embed` before they get unit length. */
  async features(images: Float32Array, count: number): Promise<Float32Array> {
    return this.#features.embed(images, count);
  }

  /** Frees the weights. The model cannot be used afterwards. */
  dispose(): void {
    this.#features.dispose();
  }
}

/** Each picture with its columns in reverse. */
function mirror(images: Float32Array, { width, channels }: InputSize): Float32Array {
  const mirrored = new Float32Array(images.length);
  const row = width * channels;
  for (let from = 0; from < images.length; from += channels) {
    const column = (from % row) / channels;
    const to = from - (from % row) + (width - 1 - column) * channels;
    for (let c = 0; c < channels; c++) mirrored[to + c] = images[from + c];
  }
  return mirrored;
}

/** Scales rows to unit length, in place; a row of zeros stays one. */
function toUnitLength(rows: Float32Array, count: number): Float32Array {
  const dimension = rows.length / count;
  for (let start = 0; start < rows.length; start += dimension) {
    const row = rows.subarray(start, start + dimension);
    const squares = row.reduce((sum, value) => sum + value * value, 0);
    const length = Math.max(Math.sqrt(squares), 1e-12);
    for (let i = 0; i < dimension; i++) row[i] /= length;
  }
  return rows;
}

function compiledFeatures(
  engine: InferenceEngine,
  architecture: Architecture,
  { input, weights }: Manifest,
  tensors: ReadonlyMap<string, BundleTensor>,
): Features {
  const network = new CompiledNetwork(
    engine,
    architecture,
    input,
    (steps) => new EngineWeights(engine, steps, tensors, weights?.serving),
  );
  return {
    embed: async (images, count) => network.run(images, count),
    dispose: () => network.dispose(),
  };
}

/** On tfjs's current backend. */
class TensorFeatures implements Features {
  readonly #architecture: Architecture;
  readonly #input: InputSize;
  readonly #layers: ServingLayers;

  constructor(
    architecture: Architecture,
    { input, weights }: Manifest,
    tensors: ReadonlyMap<string, BundleTensor>,
  ) {
    this.#architecture = architecture;
    this.#input = input;
    this.#layers = new ServingLayers(tensors, weights?.serving === 'by-layer');
  }

  async embed(images: Float32Array, count: number): Promise<Float32Array> {
    const { height, width, channels } = this.#input;
    const features = tf.tidy(() =>
      this.#architecture.embed<tf.Tensor>(
        this.#layers,
        tf.tensor4d(images, [count, height, width, channels]),
      ),
    );
    try {
      return (await features.data()).slice() as Float32Array;
    } finally {
      features.dispose();
    }
  }

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
    const factor = this.#once(`${name} factor`, () => tf.tensor1d(affine(this.#tensors, name).factor));
    const shift = this.#once(`${name} shift`, () => tf.tensor1d(affine(this.#tensors, name).shift));
    return this.activate(tf.add(tf.mul(input, factor), shift), activation);
  }

  dispose(): void {
    tf.dispose([...this.#kept.values()]);
    this.#kept.clear();
    this.#folded.clear();
  }

  protected parameter(name: string): tf.Tensor {
    return this.#once(name, () => {
      const { shape, data } = stored(this.#tensors, name);
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

    const weights = stored(this.#tensors, `${layer.name}.weight`);
    const hasBias = layer.bias ?? layer.normalisation === undefined;
    const atRest = layer.normalisation === undefined ? undefined : affine(this.#tensors, layer.normalisation);
    const shape = filterShape(weights.shape);
    const makeFilter = () => tf.tensor(foldedFilter(weights, atRest?.factor), shape);
    const makeBias = () => {
      const bias = hasBias ? stored(this.#tensors, `${layer.name}.bias`).data : undefined;
      if (atRest === undefined) return tf.tensor1d(bias as Float32Array);
      return tf.tensor1d(atRest.shift.map((value, o) => value + (bias?.[o] ?? 0) * atRest.factor[o]));
    };
    const bias = hasBias || atRest ? this.#once(`${layer.name} bias`, makeBias) : undefined;
    if (this.#byLayer) {
      const values = foldedFilter(weights, atRest?.factor, this.#scratchOf(tf.util.sizeFromShape(shape)));
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

  #once<T extends tf.Tensor>(key: string, make: () => T): T {
    let tensor = this.#kept.get(key) as T | undefined;
    if (tensor === undefined) {
      tensor = tf.keep(make());
      this.#kept.set(key, tensor);
    }
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
