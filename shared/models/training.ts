import * as tf from '@tensorflow/tfjs-core';
import type { BundleTensor } from '../bundle/bundle.ts';
import type { Random } from '../random.ts';
import { batchNormalisation } from './batch-normalisation.ts';
import { type Architecture, type ConvolutionLayer, type Layers, NORMALISATION_EPSILON } from './layers.ts';
import { toComputeLayout, toStoredLayout } from './layout.ts';
import { type Parameter, parametersOf } from './parameters.ts';

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
      const trainable = !parameter.role.startsWith('running-');
      const variable = tf.tidy(() => toTensor(stored.data, parameter).variable(trainable));
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
   * Embeds a batch in training mode: normalised by the batch's own statistics, which `statistics` receives.
   *
   * @param images [N, height, width, channels]
   * @returns [N, dimension], not normalised to unit length: the losses do that.
   */
  embed(images: tf.Tensor4D, statistics: BatchStatistics): tf.Tensor2D {
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
    for (const { name, shape, role } of this.#parameters) {
      const value = values.get(name);
      if (value === undefined) throw new Error(`The parameter "${name}" is missing.`);
      const numbers = (await value.data()) as Float32Array;
      const data =
        role === 'convolution-weight' ? toStoredLayout(numbers, shape) : Float32Array.from(numbers);
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

/** Draws the parameters a network starts from: He et al.'s normal for convolutions, identity for the rest. */
export function initialParameters(architecture: Architecture, random: Random): Map<string, BundleTensor> {
  const tensors = new Map<string, BundleTensor>();
  for (const { name, shape, role } of parametersOf(architecture)) {
    const data = new Float32Array(shape.reduce((product, length) => product * length, 1));
    if (role === 'convolution-weight') {
      const inputs = shape[1] * shape[2] * shape[3];
      for (let i = 0; i < data.length; i++) data[i] = random.normal() * Math.sqrt(2 / inputs);
    } else if (role === 'normalisation-weight' || role === 'running-variance') {
      data.fill(1);
    } else if (role === 'prelu-slope') {
      data.fill(0.25);
    }
    tensors.set(name, { shape, data });
  }
  return tensors;
}

/** Means and variances that batch normalisations met in one forward pass, kept until they are absorbed. */
export class BatchStatistics {
  readonly collected = new Map<string, { mean: tf.Tensor1D; variance: tf.Tensor1D; count: number }>();

  dispose(): void {
    for (const { mean, variance } of this.collected.values()) tf.dispose([mean, variance]);
    this.collected.clear();
  }
}

class TrainingLayers implements Layers<tf.Tensor> {
  readonly #variables: ReadonlyMap<string, tf.Variable>;
  readonly #statistics: BatchStatistics;

  constructor(variables: ReadonlyMap<string, tf.Variable>, statistics: BatchStatistics) {
    this.#variables = variables;
    this.#statistics = statistics;
  }

  convolution(input: tf.Tensor, layer: ConvolutionLayer): tf.Tensor {
    const padding = layer.padding ?? 0;
    let map: tf.Tensor = tf.conv2d(
      input as tf.Tensor4D,
      this.#variable(`${layer.name}.weight`) as tf.Variable<tf.Rank.R4>,
      layer.stride ?? 1,
      [
        [0, 0],
        [padding, padding],
        [padding, padding],
        [0, 0],
      ],
    );
    if (layer.normalisation === undefined) {
      map = tf.add(map, this.#variable(`${layer.name}.bias`));
    } else {
      map = this.#normalise(map, layer.normalisation);
    }
    if (layer.activation?.kind === 'relu') return tf.relu(map);
    if (layer.activation?.kind === 'prelu') {
      return tf.prelu(map, this.#variable(`${layer.activation.name}.weight`));
    }
    return map;
  }

  maxPool(input: tf.Tensor, size: number): tf.Tensor {
    return tf.maxPool(input as tf.Tensor4D, size, size, 'valid');
  }

  flatten(input: tf.Tensor): tf.Tensor {
    return tf.reshape(input, [input.shape[0], input.shape[3] as number]);
  }

  #normalise(map: tf.Tensor, name: string): tf.Tensor {
    const channels = map.shape[3] as number;
    const rows = tf.reshape(map, [-1, channels]) as tf.Tensor2D;
    const { output, mean, variance } = batchNormalisation(
      rows,
      this.#variable(`${name}.weight`) as tf.Variable<tf.Rank.R1>,
      this.#variable(`${name}.bias`) as tf.Variable<tf.Rank.R1>,
      NORMALISATION_EPSILON,
    );
    this.#statistics.collected.set(name, { mean, variance, count: rows.shape[0] });
    return tf.reshape(output, map.shape);
  }

  #variable(name: string): tf.Variable {
    const variable = this.#variables.get(name);
    if (variable === undefined) throw new Error(`The parameter "${name}" is missing.`);
    return variable;
  }
}

function toTensor(stored: Float32Array, { shape, role }: Parameter): tf.Tensor {
  if (role !== 'convolution-weight') return tf.tensor(stored, shape as number[]);
  const [outputs, inputs, height, width] = shape;
  return tf.tensor4d(toComputeLayout(stored, shape), [height, width, inputs, outputs]);
}
