import type { BundleTensor } from '@softmargin/shared/bundle/bundle.ts';
import * as tf from '@tensorflow/tfjs';
import type { UpdateRule } from './update-rule.ts';
import { isDecayed } from './weight-decay.ts';

/** Learning rate of a step. */
export interface StepRates {
  readonly learningRate: number;
  /** The rate of a variable over `learningRate`, by the variable's name; 1 where it is not named. */
  readonly factors?: ReadonlyMap<string, number>;
  /** Of the variables that decay; see {@link isDecayed}. */
  readonly weightDecay: number;
}

/**
 * Moves variables by a rule, and keeps the rule's moments. tfjs has optimisers too; this one takes a learning
 * rate for each variable at each step and hands out its state, so that a checkpoint resumes to the last bit.
 */
export class Optimiser {
  readonly #rule: UpdateRule;
  readonly #variables: ReadonlyMap<string, tf.Variable>;
  readonly #moments = new Map<string, tf.Variable[]>();
  #steps: number;

  /**
   * @param state moments as `state()` gave them, after `steps` steps.
   * @throws {Error} if the state is of another rule or of other variables.
   */
  constructor(
    rule: UpdateRule,
    variables: ReadonlyMap<string, tf.Variable>,
    state?: { readonly steps: number; readonly moments: ReadonlyMap<string, BundleTensor> },
  ) {
    this.#rule = rule;
    this.#variables = variables;
    this.#steps = state?.steps ?? 0;
    for (const [name, { shape }] of variables) {
      const moments = rule.moments.map((moment) => {
        const saved = state?.moments.get(`${name}.${moment}`);
        if (state !== undefined && saved === undefined)
          throw new Error(`It has no moment ${name}.${moment}.`);
        return tf.tidy(() => (saved ? tf.tensor(saved.data, shape) : tf.zeros(shape)).variable(false));
      });
      this.#moments.set(name, moments);
    }
  }

  /** Moves every variable against its gradient. @param gradients by the names of the variables. */
  step(gradients: ReadonlyMap<string, tf.Tensor>, { learningRate, factors, weightDecay }: StepRates): void {
    this.#steps++;
    for (const [name, variable] of this.#variables) {
      tf.tidy(() =>
        this.#rule.apply({
          variable,
          gradient: gradients.get(name) as tf.Tensor,
          moments: this.#moments.get(name) as tf.Variable[],
          learningRate: learningRate * (factors?.get(name) ?? 1),
          weightDecay: isDecayed(variable) ? weightDecay : 0,
          step: this.#steps,
        }),
      );
    }
  }

  /** The moments by `<variable>.<moment>`, for a checkpoint. */
  async state(): Promise<Map<string, BundleTensor>> {
    const state = new Map<string, BundleTensor>();
    for (const [name, moments] of this.#moments) {
      for (const [i, moment] of moments.entries()) {
        const data = Float32Array.from(await moment.data());
        state.set(`${name}.${this.#rule.moments[i]}`, { shape: moment.shape, data });
      }
    }
    return state;
  }

  dispose(): void {
    tf.dispose([...this.#moments.values()].flat());
  }
}
