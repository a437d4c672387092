import * as tf from '@tensorflow/tfjs-core';
import type { BundleTensor } from '../bundle/bundle.ts';
import type { Random } from '../random.ts';
import { batchNormalisation } from './batch-normalisation.ts';
import {
  type Activation,
  type Architecture,
  type ConvolutionLayer,
  type LinearLayer,
  NORMALISATION_EPSILON,
  type NormalisationLayer,
} from './layers.ts';
import { computeShape, toComputeLayout, toStoredLayout } from './layout.ts';
import { sidesOf, tensorPadding } from './padding.ts';
import { isTrainable, type Parameter, parametersOf, sizeOf } from './parameters.ts';
import { TensorLayers } from './tensor-layers.ts';

/** How much of a batch's statistics goes into the running ones (PyTorch's momentum). */
const STATISTICS_MOMENTUM = 0.1;

/** A network in training: its parameters as variables and the forward pass that gradients flow through. */
export class TrainingModel {
  readonly architecture: Architecture;
  readonly #parameters: readonly Parameter[];
  readonly #variables = new Map<string, tf.Variable>();

  constructor(architecture: Architecture, tensors: ReadonlyMap<string, BundleTensor>) {
    this.architecture = architecture;
    this.#parameters = parametersOf(architecture);
    for (const parameter of this.#parameters) {
      const stored = tensors.get(parameter.name);
      if (stored === undefined) throw new Error(`The parameter "${parameter.name}" is missing.`);
      const variable = tf.tidy(() => toTensor(stored.data, parameter).variable(isTrainable(parameter)));
      this.#variables.set(parameter.name, variable);
    }
  }

  /** The variables of all parameters by name, running statistics included. */
  get variables(): ReadonlyMap<string, tf.Variable> {
    return this.#variables;
  }

  /** The variables that gradients are taken of, by parameter name. */
  get trainable(): Map<string, tf.Variable> {
    return new Map([...this.#variables].filter(([, variable]) => variable.trainable));
  }

  /**
   * Embeds a batch.
   *
   * @param images [N, height, width, channels]
   * @param statistics in training, receives the batch's own statistics, by which it is normalised. Without
   *   it the running statistics normalise, as they do in serving: what validation during training wants.
   * @returns [N, dimension], not normalised to unit length: the losses do that.
   */
  embed(images: tf.Tensor4D, statistics?: BatchStatistics): tf.Tensor2D {
    return this.architecture.embed<tf.Tensor>(
      new TrainingLayers(this.#variables, statistics),
      images,
    ) as tf.Tensor2D;
  }

  /**
   * Moves the running statistics towards a batch's and frees them. The variance that is stored is the
   * unbiased one, as in PyTorch.
   */
  absorb(statistics: BatchStatistics): void {
    tf.tidy(() => {
      for (const [name, { mean, variance, count }] of statistics.collected) {
        this.#drift(`${name}.running_mean`, mean);
        this.#drift(`${name}.running_var`, tf.mul(variance, count / Math.max(1, count - 1)));
      }
    });
    statistics.dispose();
  }

  /**
   * All parameters as PyTorch stores them.
   *
   * @param values in place of the variables: a tensor of the same shape for each, such as their moving averages.
   */
  async tensors(
    values: ReadonlyMap<string, tf.Tensor> = this.#variables,
  ): Promise<Map<string, BundleTensor>> {
    const stored = new Map<string, BundleTensor>();
    for (const parameter of this.#parameters) {
      const { name, shape } = parameter;
      const value = values.get(name);
      if (value === undefined) throw new Error(`The parameter "${name}" is missing.`);
      const numbers = (await value.data()) as Float32Array;
      const data = computeShape(parameter) ? toStoredLayout(numbers, shape) : Float32Array.from(numbers);
      stored.set(name, { shape, data });
    }
    return stored;
  }

  dispose(): void {
    tf.dispose([...this.#variables.values()]);
  }

  #drift(name: string, towards: tf.Tensor): void {
    const running = this.#variable(name);
    running.assign(tf.add(running, tf.mul(tf.sub(towards, running), STATISTICS_MOMENTUM)));
  }

  #variable(name: string): tf.Variable {
    const variable = this.#variables.get(name);
    if (variable === undefined) throw new Error(`The parameter "${name}" is missing.`);
    return variable;
  }
}

/** Draws the parameters a network starts from. */
export function initialParameters(architecture: Architecture, random: Random): Map<string, BundleTensor> {
  return new Map(
    parametersOf(architecture).map((parameter) => [parameter.name, initialParameter(parameter, random)]),
  );
}

/** What one parameter starts from: He et al.'s normal for weights, identity for the rest. */
export function initialParameter(parameter: Parameter, random: Random): BundleTensor {
  const { shape, role } = parameter;
  const data = new Float32Array(sizeOf(parameter));
  switch (role) {
    case 'convolution-weight':
    case 'depthwise-weight':
    case 'linear-weight': {
      const inputs = data.length / shape[0];
      for (let i = 0; i < data.length; i++) data[i] = random.normal() * Math.sqrt(2 / inputs);
      break;
    }
    case 'normalisation-weight':
    case 'running-variance':
      data.fill(1);
      break;
    case 'prelu-slope':
      data.fill(0.25);
      break;
    case 'pool-exponent':
      data.fill(3);
      break;
  }
  return { shape, data };
}

/** Means and variances that batch normalisations met in one forward pass, kept until they are absorbed. */
export class BatchStatistics {
  readonly collected = new Map<string, { mean: tf.Tensor1D; variance: tf.Tensor1D; count: number }>();

  dispose(): void {
    for (const { mean, variance } of this.collected.values()) tf.dispose([mean, variance]);
    this.collected.clear();
  }
}

class TrainingLayers extends TensorLayers {
  readonly #variables: ReadonlyMap<string, tf.Variable>;
  readonly #statistics: BatchStatistics | undefined;

  constructor(variables: ReadonlyMap<string, tf.Variable>, statistics: BatchStatistics | undefined) {
    super();
    this.#variables = variables;
    this.#statistics = statistics;
  }

  convolution(input: tf.Tensor, layer: ConvolutionLayer): tf.Tensor {
    const { name, stride = 1, depthwise, normalisation, activation } = layer;
    const padding = tensorPadding(sidesOf(layer.padding));
    const weight = this.parameter(`${name}.weight`) as tf.Tensor4D;
    const convolve = depthwise ? tf.depthwiseConv2d : tf.conv2d;
    const map = convolve(input as tf.Tensor4D, weight, stride, padding);
    return this.#finish(map, name, layer.bias, normalisation, activation);
  }

  linear(input: tf.Tensor, layer: LinearLayer): tf.Tensor {
    const { name, normalisation, activation } = layer;
    const rows = tf.matMul(input as tf.Tensor2D, this.parameter(`${name}.weight`) as tf.Tensor2D);
    return this.#finish(rows, name, layer.bias, normalisation, activation);
  }

  batchNormalisation(map: tf.Tensor, { name, activation }: NormalisationLayer): tf.Tensor {
    const weight = this.parameter(`${name}.weight`) as tf.Tensor1D;
    const bias = this.parameter(`${name}.bias`) as tf.Tensor1D;
    if (this.#statistics === undefined) {
      const variance = this.parameter(`${name}.running_var`);
      const factor = tf.mul(weight, tf.rsqrt(tf.add(variance, NORMALISATION_EPSILON)));
      const centred = tf.sub(map, this.parameter(`${name}.running_mean`));
      return this.activate(tf.add(tf.mul(centred, factor), bias), activation);
    }
    const channels = map.shape[map.rank - 1] as number;
    const rows = tf.reshape(map, [-1, channels]) as tf.Tensor2D;
    const { output, mean, variance } = batchNormalisation(rows, weight, bias, NORMALISATION_EPSILON);
    this.#statistics.collected.set(name, { mean, variance, count: rows.shape[0] });
    return this.activate(tf.reshape(output, map.shape), activation);
  }

  protected parameter(name: string): tf.Variable {
    const variable = this.#variables.get(name);
    if (variable === undefined) throw new Error(`The parameter "${name}" is missing.`);
    return variable;
  }

  /** What follows the products of a convolution or of a fully connected layer. */
  #finish(
    products: tf.Tensor,
    name: string,
    bias: boolean | undefined,
    normalisation: string | undefined,
    activation: Activation | undefined,
  ): tf.Tensor {
    const hasBias = bias ?? normalisation === undefined;
    const sums = hasBias ? tf.add(products, this.parameter(`${name}.bias`)) : products;
    return normalisation === undefined
      ? this.activate(sums, activation)
      : this.activate(this.batchNormalisation(sums, { name: normalisation }), activation);
  }
}

function toTensor(stored: Float32Array, parameter: Parameter): tf.Tensor {
  const shape = computeShape(parameter);
  if (shape === undefined) return tf.tensor(stored, parameter.shape as number[]);
  return tf.tensor(toComputeLayout(stored, parameter.shape), shape);
}
