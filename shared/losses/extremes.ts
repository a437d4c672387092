import * as tf from '@tensorflow/tfjs-core';

/**
 * The largest value along an axis. Values that tie for it share its gradient evenly: tfjs's own `max` hands
 * all of it to each, so that a picture which is in a batch twice would count twice.
 */
export function largest(values: tf.Tensor, axis: number): tf.Tensor {
  return extreme(values, tf.max(values, axis, true), axis);
}

/** The smallest value along an axis; ties share its gradient evenly. */
export function smallest(values: tf.Tensor, axis: number): tf.Tensor {
  return extreme(values, tf.min(values, axis, true), axis);
}

function extreme(values: tf.Tensor, found: tf.Tensor, axis: number): tf.Tensor {
  return tf.customGrad((...args) => {
    const [x, save] = args as [tf.Tensor, tf.GradSaveFunc];
    const ties = tf.cast(tf.equal(x, found), 'float32');
    const share = tf.div(ties, tf.sum(ties, axis, true));
    save([share]);
    return {
      value: tf.squeeze(found, [axis]),
      gradFunc: (gradient, [share]) => tf.mul(tf.expandDims(gradient, axis), share),
    };
  })(values);
}
