import type { BundleTensor } from '@softmargin/shared/bundle/bundle.ts';
import * as tf from '@tensorflow/tfjs';

const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;

interface Moments {
  readonly first: tf.Variable;
  readonly second: tf.Variable;
}

/**
 * Adam (Kingma and Ba, ICLR 2015), with PyTorch's constants. tfjs has one too; this one takes a learning
 * rate for each variable at each step and hands out its state, so that a checkpoint resumes to the last bit.
 */
export class Adam {
  readonly #moments = new Map<string, Moments>();
  #steps: number;

  /** @param state moments as `state()` gave them, after `steps` steps. */
  constructor(
    variables: ReadonlyMap<string, tf.Variable>,
    state?: { readonly steps: number; readonly moments: ReadonlyMap<string, BundleTensor> },
  ) {
    this.#steps = state?.steps ?? 0;
    for (const [name, { shape }] of variables) {
      const moment = (order: 'first' | 'second') => {
        const saved = state?.moments.get(`${name}.${order}`);
        return tf.tidy(() => (saved ? tf.tensor(saved.data, shape) : tf.zeros(shape)).variable(false));
      };
      this.#moments.set(name, { first: moment('first'), second: moment('second') });
    }
  }

  /** Moves every variable against its gradient. @param rate learning rate of the variable of a name. */
  step(
    variables: ReadonlyMap<string, tf.Variable>,
    gradients: Readonly<Record<string, tf.Tensor>>,
    rate: (name: string) => number,
  ): void {
    this.#steps++;
    const correction1 = 1 - BETA1 ** this.#steps;
    const correction2 = 1 - BETA2 ** this.#steps;
    tf.tidy(() => {
      for (const [name, variable] of variables) {
        const { first, second } = this.#moments.get(name) as Moments;
        const gradient = gradients[variable.name];
        first.assign(tf.add(tf.mul(first, BETA1), tf.mul(gradient, 1 - BETA1)));
        second.assign(tf.add(tf.mul(second, BETA2), tf.mul(tf.square(gradient), 1 - BETA2)));
        const deviation = tf.add(tf.div(tf.sqrt(second), Math.sqrt(correction2)), EPSILON);
        variable.assign(tf.sub(variable, tf.mul(tf.div(first, deviation), rate(name) / correction1)));
      }
    });
  }

  /** The moments by `<variable>.first` and `<variable>.second`, for a checkpoint. */
  async state(): Promise<Map<string, BundleTensor>> {
    const moments = new Map<string, BundleTensor>();
    for (const [name, orders] of this.#moments) {
      for (const order of ['first', 'second'] as const) {
        const data = Float32Array.from(await orders[order].data());
        moments.set(`${name}.${order}`, { shape: orders[order].shape, data });
      }
    }
    return moments;
  }

  dispose(): void {
    for (const { first, second } of this.#moments.values()) tf.dispose([first, second]);
  }
}
