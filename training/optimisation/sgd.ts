import * as tf from '@tensorflow/tfjs';
import type { UpdateRule } from './update-rule.ts';

export interface SgdOptions {
  /** In [0, 1). */
  readonly momentum: number;
  /** Look ahead along the momentum (Sutskever et al., ICML 2013). */
  readonly nesterov: boolean;
}

/** Stochastic gradient descent with momentum, step by step as `torch.optim.SGD` documents it (dampening 0). */
export function sgd({ momentum, nesterov }: SgdOptions): UpdateRule {
  return {
    moments: momentum === 0 ? [] : ['momentum'],
    apply({ variable, gradient, moments: [velocity], learningRate, weightDecay }) {
      const slope = weightDecay === 0 ? gradient : tf.add(gradient, tf.mul(variable, weightDecay));
      let direction = slope;
      if (momentum !== 0) {
        velocity.assign(tf.add(tf.mul(velocity, momentum), slope));
        direction = nesterov ? tf.add(slope, tf.mul(velocity, momentum)) : velocity;
      }
      variable.assign(tf.sub(variable, tf.mul(direction, learningRate)));
    },
  };
}
