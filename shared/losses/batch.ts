import * as tf from '@tensorflow/tfjs-core';
import type { LossParameterName } from './parameters.ts';

/** What a loss cannot be computed of. The message names the sample and the bound. */
export class LossError extends Error {
  override readonly name = 'LossError';
}

/** The learned tensors of the losses themselves: those that the terms ask for. */
export type LossParameters = Readonly<Partial<Record<LossParameterName, tf.Tensor>>>;

/**
 * A batch on the hypersphere: what every loss here is a function of. Whatever relates samples to classes or
 * to each other is computed at its first use and shared by all losses of the batch.
 *
 * To be made inside a tidy, which owns its tensors, and, for gradients, inside the function that is
 * differentiated.
 */
export class LossBatch {
  /** f_i as the network gave them: [N, D]. */
  readonly features: tf.Tensor2D;
  /** y_i of every sample, in [0, C). */
  readonly identities: readonly number[] | Int32Array;
  /** C. */
  readonly classes: number;
  /** 1 where y_i = j: [N, C]. */
  readonly membership: tf.Tensor2D;
  /** 1 for the classes that the batch has a sample of: [C]. */
  readonly present: tf.Tensor1D;
  readonly #parameters: LossParameters;
  readonly #computed = new Map<string, tf.Tensor>();

  /**
   * @param features [N, D]
   * @param identities y_i of every sample, in [0, C).
   * @param classes C, at least two.
   * @throws {LossError} for an empty batch, fewer than two classes, an identity outside [0, C), or features
   *   and class weights that do not agree.
   */
  constructor(
    features: tf.Tensor2D,
    identities: readonly number[] | Int32Array,
    classes: number,
    parameters: LossParameters,
  ) {
    const [samples, dimension] = features.shape;
    if (identities.length !== samples) {
      throw new LossError(`${samples} features have ${identities.length} labels.`);
    }
    if (samples === 0) throw new LossError('The batch is empty.');
    if (!(classes >= 2)) throw new LossError(`There must be two classes or more, not ${classes}.`);
    for (const [name, parameter] of Object.entries(parameters)) {
      const width = parameter.shape[1];
      if (width !== undefined && width !== dimension) {
        throw new LossError(`Features have ${dimension} dimensions, ${name} ${width}.`);
      }
      if (parameter.shape[0] !== classes) {
        throw new LossError(`There are ${classes} classes; ${name} has ${parameter.shape[0]}.`);
      }
    }
    const membership = new Float32Array(samples * classes);
    const present = new Float32Array(classes);
    for (const [i, label] of identities.entries()) {
      if (!Number.isInteger(label) || label < 0 || label >= classes) {
        throw new LossError(`The label of sample ${i} is ${label}; there are classes 0 to ${classes - 1}.`);
      }
      membership[i * classes + label] = 1;
      present[label] = 1;
    }
    this.features = features;
    this.identities = identities;
    this.classes = classes;
    this.#parameters = parameters;
    this.membership = tf.tensor2d(membership, [samples, classes]);
    this.present = tf.tensor1d(present);
  }

  /** f̂_i, the features at unit length: [N, D]. */
  get directions(): tf.Tensor2D {
    return this.#once('directions', () => onSphere(this.features));
  }

  /** cos θ_ij of sample i and class weight j: [N, C]. Needs `classWeights`. */
  get cosines(): tf.Tensor2D {
    return this.#once('cosines', () =>
      tf.matMul(this.directions, tf.transpose(onSphere(this.parameter('classWeights')))),
    );
  }

  /** f̂_i · f̂_j of every two samples: [N, N]. */
  get pairCosines(): tf.Tensor2D {
    return this.#once('pairCosines', () => tf.matMul(this.directions, tf.transpose(this.directions)));
  }

  /** 1 where two different samples are of one class: [N, N]. */
  get positives(): tf.Tensor2D {
    return this.#once('positives', () => this.#pairs((i, j) => i !== j && this.#same(i, j)));
  }

  /** 1 where two samples are of different classes: [N, N]. */
  get negatives(): tf.Tensor2D {
    return this.#once('negatives', () => this.#pairs((i, j) => !this.#same(i, j)));
  }

  /** A learned tensor of the losses. @throws {LossError} if the batch was made without it. */
  parameter(name: LossParameterName): tf.Tensor2D {
    const parameter = this.#parameters[name];
    if (parameter === undefined) throw new LossError(`The loss needs "${name}".`);
    return parameter as tf.Tensor2D;
  }

  #same(i: number, j: number): boolean {
    return this.identities[i] === this.identities[j];
  }

  #pairs(holds: (i: number, j: number) => boolean): tf.Tensor2D {
    const samples = this.identities.length;
    const mask = new Float32Array(samples * samples);
    for (let i = 0; i < samples; i++) {
      for (let j = 0; j < samples; j++) mask[i * samples + j] = holds(i, j) ? 1 : 0;
    }
    return tf.tensor2d(mask, [samples, samples]);
  }

  #once<T extends tf.Tensor>(name: string, compute: () => T): T {
    let tensor = this.#computed.get(name) as T | undefined;
    if (tensor === undefined) {
      tensor = compute();
      this.#computed.set(name, tensor);
    }
    return tensor;
  }
}

/** Squared length below which a row has no direction. */
const NO_DIRECTION = 1e-24;

/** Rows at unit length. A row without a direction becomes zeros, and no gradient flows through it. */
function onSphere(rows: tf.Tensor2D): tf.Tensor2D {
  const squares = tf.sum(tf.square(rows), 1, true);
  const hasDirection = tf.step(tf.sub(squares, NO_DIRECTION));
  const inverse = tf.rsqrt(tf.maximum(squares, NO_DIRECTION));
  return tf.mul(rows, tf.mul(inverse, hasDirection)) as tf.Tensor2D;
}
