import * as tf from '@tensorflow/tfjs-core';
import { LossBatch, type LossParameters } from './batch.ts';
import { type LossParameter, lossParameter } from './parameters.ts';
import { type LossName, type LossTerm, lossOfTerm, parametersOfTerm } from './terms.ts';

/** What a sum of losses gives for one batch. */
export interface LossValue {
  /** Σ weight · part. */
  readonly total: tf.Scalar;
  /** Each term by its name, before its weight, in the order of the terms. */
  readonly parts: ReadonlyMap<LossName, tf.Scalar>;
}

/** A weighted sum of losses over one batch, such as the paper's L_softmax + λ · L_SML. */
export class ComposedLoss {
  readonly terms: readonly LossTerm[];
  /** The tensors that are learned beside the network: shared by the terms that name them. */
  readonly parameters: readonly LossParameter[];
  readonly #classes: number;

  /**
   * @param terms as `lossTermsSchema` gives them.
   * @param classes C, the number of training identities.
   * @param dimension D, of the features.
   */
  constructor(terms: readonly LossTerm[], classes: number, dimension: number) {
    this.terms = terms;
    this.#classes = classes;
    const names = new Set(terms.flatMap(parametersOfTerm));
    this.parameters = [...names].map((name) => lossParameter(name, classes, dimension));
  }

  /**
   * The loss of a batch. To be called inside a tidy and, for gradients, inside the function that is
   * differentiated; whoever wants the parts beyond it keeps them.
   *
   * @param features [N, D], as the network gave them.
   * @param identities y_i of every sample, in [0, C).
   * @param parameters a tensor for each of `this.parameters`.
   * @throws {LossError} for a batch or parameters that do not fit; see {@link LossBatch}.
   */
  evaluate(
    features: tf.Tensor2D,
    identities: readonly number[] | Int32Array,
    parameters: LossParameters,
  ): LossValue {
    const batch = new LossBatch(features, identities, this.#classes, parameters);
    const parts = new Map(this.terms.map((term) => [term.name, lossOfTerm(term, batch)]));
    const weighted = this.terms.map(({ name, weight }) => tf.mul(parts.get(name) as tf.Scalar, weight));
    return { total: tf.addN(weighted) as tf.Scalar, parts };
  }
}
