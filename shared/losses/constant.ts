import * as tf from '@tensorflow/tfjs-core';

/** A tensor's value, through which no gradient flows (PyTorch's `detach`). */
export function constant(tensor: tf.Tensor): tf.Tensor {
  return tf.customGrad((...args) => {
    const [x] = args as [tf.Tensor];
    return { value: tf.clone(x), gradFunc: (gradient) => tf.zerosLike(gradient) };
  })(tensor);
}
