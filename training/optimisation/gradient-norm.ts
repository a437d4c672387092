import * as tf from '@tensorflow/tfjs';

/** The Euclidean length of all gradients taken as one vector. */
export function globalNorm(gradients: Iterable<tf.Tensor>): tf.Scalar {
  return tf.tidy(() =>
    tf.sqrt(tf.addN(Array.from(gradients, (gradient) => tf.sum(tf.square(gradient))))),
  ) as tf.Scalar;
}

/**
 * Gradients scaled down together where their global norm is above a limit (Pascanu et al., ICML 2013), by
 * limit / (norm + 1e-6) as `torch.nn.utils.clip_grad_norm_` does. Gradients within it are returned as they are.
 *
 * @param norm as {@link globalNorm} gives it, read back.
 */
export function clipByGlobalNorm(
  gradients: ReadonlyMap<string, tf.Tensor>,
  norm: number,
  limit: number,
): ReadonlyMap<string, tf.Tensor> {
  const factor = limit / (norm + 1e-6);
  if (factor >= 1) return gradients;
  return new Map(Array.from(gradients, ([name, gradient]) => [name, tf.mul(gradient, factor)]));
}
