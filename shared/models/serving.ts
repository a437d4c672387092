import * as tf from '@tensorflow/tfjs-core';
import { type Bundle, BundleError, type BundleTensor } from '../bundle/bundle.ts';
import type { Manifest } from '../bundle/manifest.ts';
import { architectures } from './architectures.ts';
import { type Architecture, type ConvolutionLayer, type Layers, NORMALISATION_EPSILON } from './layers.ts';
import { toComputeLayout } from './layout.ts';
import { parametersOf } from './parameters.ts';

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
    const architecture = architectures.get(manifest.architecture);
    if (architecture === undefined) {
      throw new BundleError(
        `The architecture "${manifest.architecture}" is not one of ${[...architectures.keys()].join(', ')}.`,
      );
    }
    checkFit(architecture, manifest, tensors);
    return new ServingModel(bundle, architecture, new ServingLayers(tensors));
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
    const { height, width, channels } = this.manifest.input;
    const embeddings = tf.tidy(() => {
      const input = tf.tensor4d(images, [count, height, width, channels]);
      const straight = this.#architecture.embed<tf.Tensor>(this.#layers, input);
      // The sum has the direction of the mean, and a length that is gone in the next line.
      const features = flip
        ? tf.add(straight, this.#architecture.embed<tf.Tensor>(this.#layers, tf.reverse(input, 2)))
        : straight;
      return tf.div(features, tf.maximum(tf.norm(features, 2, 1, true), 1e-12));
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
  const { input, dimension } = architecture;
  const declared = manifest.input;
  if (
    input.height !== declared.height ||
    input.width !== declared.width ||
    input.channels !== declared.channels
  ) {
    throw new BundleError(
      `The manifest's input is ${declared.height}×${declared.width}×${declared.channels}; ` +
        `${architecture.name} takes ${input.height}×${input.width}×${input.channels}.`,
    );
  }
  if (manifest.embedding.dimension !== dimension) {
    throw new BundleError(
      `The manifest's embedding.dimension is ${manifest.embedding.dimension}; ${architecture.name} gives ${dimension}.`,
    );
  }

  const expected = new Map(parametersOf(architecture).map((parameter) => [parameter.name, parameter.shape]));
  const complaints: string[] = [];
  const missing = [...expected.keys()].filter((name) => !tensors.has(name));
  if (missing.length > 0) complaints.push(`missing: ${missing.join(', ')}`);
  const unexpected = [...tensors.keys()].filter((name) => !expected.has(name));
  if (unexpected.length > 0) complaints.push(`unexpected: ${unexpected.join(', ')}`);
  for (const [name, shape] of expected) {
    const found = tensors.get(name);
    if (found !== undefined && found.shape.join() !== shape.join()) {
      complaints.push(`${name} has shape [${found.shape}], not [${shape}]`);
    }
    if (found?.data.some((value) => !Number.isFinite(value))) {
      complaints.push(`${name} holds a value that is not finite`);
    }
  }
  if (complaints.length > 0) {
    throw new BundleError(`The tensors do not fit ${architecture.name}: ${complaints.join('; ')}.`);
  }
}

interface FoldedConvolution {
  readonly filter: tf.Tensor4D;
  readonly bias: tf.Tensor1D;
  readonly slope: tf.Tensor | undefined;
}

/**
 * Runs a network for serving. Batch normalisation at rest is an affine map of each channel,
 * y = (x − mean) · weight / √(variance + ε) + bias, so it is folded into the convolution before it, and
 * convolution, bias and activation are one fused kernel.
 */
class ServingLayers implements Layers<tf.Tensor> {
  readonly #tensors: ReadonlyMap<string, BundleTensor>;
  readonly #folded = new Map<string, FoldedConvolution>();

  constructor(tensors: ReadonlyMap<string, BundleTensor>) {
    this.#tensors = tensors;
  }

  convolution(input: tf.Tensor, layer: ConvolutionLayer): tf.Tensor {
    const { filter, bias, slope } = this.#fold(layer);
    const padding = layer.padding ?? 0;
    return tf.fused.conv2d({
      x: input as tf.Tensor4D,
      filter,
      strides: layer.stride ?? 1,
      pad: [
        [0, 0],
        [padding, padding],
        [padding, padding],
        [0, 0],
      ],
      bias,
      activation: layer.activation?.kind ?? 'linear',
      ...(slope && { preluActivationWeights: slope }),
    });
  }

  maxPool(input: tf.Tensor, size: number): tf.Tensor {
    return tf.maxPool(input as tf.Tensor4D, size, size, 'valid');
  }

  flatten(input: tf.Tensor): tf.Tensor {
    return tf.reshape(input, [input.shape[0], input.shape[3] as number]);
  }

  dispose(): void {
    for (const { filter, bias, slope } of this.#folded.values()) tf.dispose([filter, bias, slope ?? []]);
    this.#folded.clear();
  }

  /** Folds a convolution at its first use; the tensors outlive the tidy that first asked for them. */
  #fold(layer: ConvolutionLayer): FoldedConvolution {
    const known = this.#folded.get(layer.name);
    if (known !== undefined) return known;

    const { shape, data } = this.#stored(`${layer.name}.weight`);
    const [filters, inputs, kernel] = shape;
    const weights = Float32Array.from(data);
    const bias = new Float32Array(filters);
    if (layer.normalisation === undefined) {
      bias.set(this.#stored(`${layer.name}.bias`).data);
    } else {
      const scale = this.#stored(`${layer.normalisation}.weight`).data;
      const shift = this.#stored(`${layer.normalisation}.bias`).data;
      const mean = this.#stored(`${layer.normalisation}.running_mean`).data;
      const variance = this.#stored(`${layer.normalisation}.running_var`).data;
      const size = weights.length / filters;
      for (let o = 0; o < filters; o++) {
        const factor = scale[o] / Math.sqrt(variance[o] + NORMALISATION_EPSILON);
        for (let k = o * size; k < (o + 1) * size; k++) weights[k] *= factor;
        bias[o] = shift[o] - mean[o] * factor;
      }
    }
    const { activation } = layer;
    const folded: FoldedConvolution = {
      filter: tf.keep(tf.tensor4d(toComputeLayout(weights, shape), [kernel, kernel, inputs, filters])),
      bias: tf.keep(tf.tensor1d(bias)),
      slope:
        activation?.kind === 'prelu'
          ? tf.keep(tf.tensor1d(this.#stored(`${activation.name}.weight`).data))
          : undefined,
    };
    this.#folded.set(layer.name, folded);
    return folded;
  }

  #stored(name: string): BundleTensor {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) throw new BundleError(`The tensor "${name}" is missing.`);
    return tensor;
  }
}
