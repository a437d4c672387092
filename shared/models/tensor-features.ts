import * as tf from '@tensorflow/tfjs-core';
import type { BundleTensor } from '../bundle/bundle.ts';
import type { Manifest } from '../bundle/manifest.ts';
import { affine, stored } from '../inference/fold-weights.ts';
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
import type { Features, MakeFeatures } from './serving.ts';
import { TensorLayers } from './tensor-layers.ts';

/** Features on tfjs's current backend, with the weights expanded in memory however the bundle stores them. */
export const tensorFeatures: MakeFeatures = (architecture, manifest, tensors) =>
  new TensorFeatures(architecture, manifest, tensors);

class TensorFeatures implements Features {
  readonly #architecture: Architecture;
  readonly #input: InputSize;
  readonly #layers: ServingLayers;

  constructor(architecture: Architecture, { input }: Manifest, tensors: ReadonlyMap<string, BundleTensor>) {
    this.#architecture = architecture;
    this.#input = input;
    this.#layers = new ServingLayers(tensors);
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
  /** Tensors made at their first use, which outlive the tidy that first asked for them. */
  readonly #kept = new Map<string, tf.Tensor>();
  readonly #folded = new Map<string, FoldedLayer>();

  constructor(tensors: ReadonlyMap<string, BundleTensor>) {
    super();
    this.#tensors = tensors;
  }

  convolution(input: tf.Tensor, layer: ConvolutionLayer): tf.Tensor {
    const { filter, bias } = this.#fold(layer, layer.depthwise ? depthwiseShape : convolutionShape);
    const convolve = layer.depthwise ? tf.fused.depthwiseConv2d : tf.fused.conv2d;
    return convolve({
      x: input as tf.Tensor4D,
      filter: filter as tf.Tensor4D,
      strides: layer.stride ?? 1,
      // tfjs's type for the depthwise one leaves out the padding by side, which it takes all the same.
      pad: tensorPadding(sidesOf(layer.padding)) as number,
      ...(bias && { bias }),
      ...this.#fusedActivation(layer.activation),
    });
  }

  linear(input: tf.Tensor, layer: LinearLayer): tf.Tensor {
    const { filter, bias } = this.#fold(layer, linearShape);
    return tf.fused.matMul({
      a: input,
      b: filter,
      ...(bias && { bias }),
      ...this.#fusedActivation(layer.activation),
    });
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
    const folded = { filter: this.#once(`${layer.name} filter`, makeFilter), bias };
    this.#folded.set(layer.name, folded);
    return folded;
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
