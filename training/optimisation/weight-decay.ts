import type * as tf from '@tensorflow/tfjs';

/**
 * Whether weight decay pulls on a variable: on the weights of layers, not on scales and shifts of
 * normalisations, biases and slopes of activations, which have one number a channel. (Goyal et al., "Accurate,
 * Large Minibatch SGD", 2017, section 5.3; timm tells them apart by their one axis too.)
 */
export function isDecayed(variable: tf.Variable): boolean {
  return variable.rank > 1;
}
