import type { BundleTensor } from '@softmargin/shared/bundle/bundle.ts';
import * as tf from '@tensorflow/tfjs';

/**
 * An exponential moving average of variables (Polyak and Juditsky, 1992): after step t (from 1) each average
 * moves by a ← d a + (1 − d) w, with d = min(decay, (1 + t) / (10 + t)), so that it soon forgets where it
 * started. The rule is that of TensorFlow's `ExponentialMovingAverage` with `num_updates`.
 */
export class WeightAverage {
  readonly #decay: number;
  readonly #variables: ReadonlyMap<string, tf.Variable>;
  readonly #averages = new Map<string, tf.Variable>();

  /** @param state averages as `state()` gave them; without it they start at the variables' values. */
  constructor(
    decay: number,
    variables: ReadonlyMap<string, tf.Variable>,
    state?: ReadonlyMap<string, BundleTensor>,
  ) {
    this.#decay = decay;
    this.#variables = variables;
    for (const [name, variable] of variables) {
      const saved = state?.get(name);
      if (state !== undefined && saved === undefined) throw new Error(`It has no average of ${name}.`);
      const start = () => (saved ? tf.tensor(saved.data, variable.shape) : variable.clone());
      this.#averages.set(
        name,
        tf.tidy(() => start().variable(false)),
      );
    }
  }

  /** Takes in the variables as they are after a step. @param step from 1. */
  update(step: number): void {
    const decay = Math.min(this.#decay, (1 + step) / (10 + step));
    tf.tidy(() => {
      for (const [name, average] of this.#averages) {
        const variable = this.#variables.get(name) as tf.Variable;
        average.assign(tf.add(tf.mul(average, decay), tf.mul(variable, 1 - decay)));
      }
    });
  }

  /** The averages by the names of the variables. */
  get averages(): ReadonlyMap<string, tf.Tensor> {
    return this.#averages;
  }

  /** The averages, in the layout of the variables: for a checkpoint. */
  async state(): Promise<Map<string, BundleTensor>> {
    const state = new Map<string, BundleTensor>();
    for (const [name, average] of this.#averages) {
      state.set(name, { shape: average.shape, data: Float32Array.from(await average.data()) });
    }
    return state;
  }

  dispose(): void {
    tf.dispose([...this.#averages.values()]);
  }
}
