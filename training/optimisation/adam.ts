import * as tf from '@tensorflow/tfjs';
import type { UpdateRule } from './update-rule.ts';

export interface AdamOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /**
   * Where weight decay acts: in the gradient, as in Adam with an L2 penalty, or on the weights beside it, as in
   * AdamW (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", ICLR 2019).
   */
  readonly decay: 'in-gradient' | 'decoupled';
}

/**
 * The kernel that a backend may have for a step of Adam, in one pass over a variable instead of fourteen:
 * {@link AdamInputs}, {@link AdamAttributes} → the new value and the new moments.
 */
export const ADAM = 'Adam';

export type AdamInputs = Record<'value' | 'gradient' | 'first' | 'second', tf.TensorInfo>;

export interface AdamAttributes {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** The learning rate over 1 − β₁ᵗ. */
  readonly rate: number;
  /** √(1 − β₂ᵗ) */
  readonly correction: number;
}

/** Adam (Kingma and Ba, ICLR 2015) and AdamW, step by step as `torch.optim.Adam` and `AdamW` document them. */
export function adam({ beta1, beta2, epsilon, decay }: AdamOptions): UpdateRule {
  return {
    moments: ['first', 'second'],
    apply({ variable, gradient, moments: [first, second], learningRate, weightDecay, step }) {
      let weights: tf.Tensor = variable;
      let slope = gradient;
      if (weightDecay !== 0 && decay === 'in-gradient') {
        slope = tf.add(gradient, tf.mul(variable, weightDecay));
      } else if (weightDecay !== 0) {
        weights = tf.mul(variable, 1 - learningRate * weightDecay);
      }
      const rate = learningRate / (1 - beta1 ** step);
      const correction = Math.sqrt(1 - beta2 ** step);
      if (tf.getKernel(ADAM, tf.getBackend()) !== undefined) {
        const inputs = { value: weights, gradient: slope, first, second };
        const moved = tf.engine().runKernel(ADAM, inputs, { beta1, beta2, epsilon, rate, correction });
        for (const [i, tensor] of [variable, first, second].entries()) {
          tensor.assign((moved as tf.Tensor[])[i]);
        }
        return;
      }
      first.assign(tf.add(tf.mul(first, beta1), tf.mul(slope, 1 - beta1)));
      second.assign(tf.add(tf.mul(second, beta2), tf.mul(tf.square(slope), 1 - beta2)));
      const deviation = tf.add(tf.div(tf.sqrt(second), correction), epsilon);
      variable.assign(tf.sub(weights, tf.mul(tf.div(first, deviation), rate)));
    },
  };
}
