import * as tf from '@tensorflow/tfjs-core';

/**
 * Batch normalisation by the batch's own statistics, with its gradient in closed form (Ioffe and Szegedy,
 * ICML 2015):
 *
 *   x̂ = (x − μ) / √(σ² + ε),  y = γ x̂ + β
 *   ∂L/∂β = Σ g,  ∂L/∂γ = Σ g x̂,  ∂L/∂x = γ / √(σ² + ε) · (g − mean(g) − x̂ · mean(g x̂))
 *
 * The closed form takes a third of the passes over the map that differentiating the statistics would.
 *
 * @param input [rows, channels]
 * @returns the normalised rows, and the batch's mean and biased variance [channels]. Both are kept: the
 *   caller disposes of them.
 */
export function batchNormalisation(
  input: tf.Tensor2D,
  weight: tf.Tensor1D,
  bias: tf.Tensor1D,
  epsilon: number,
): { output: tf.Tensor2D; mean: tf.Tensor1D; variance: tf.Tensor1D } {
  const count = input.shape[0];
  let mean: tf.Tensor | undefined;
  let variance: tf.Tensor | undefined;
  const output = tf.customGrad((...args) => {
    const [x, gamma, beta, save] = args as [tf.Tensor2D, tf.Tensor1D, tf.Tensor1D, tf.GradSaveFunc];
    mean = tf.keep(tf.mul(tf.sum(x, 0), 1 / count));
    const centred = tf.sub(x, mean) as tf.Tensor2D;
    variance = tf.keep(tf.mul(tf.sum(tf.square(centred), 0), 1 / count));
    const inverse = tf.rsqrt(tf.add(variance, epsilon));
    const scale = tf.mul(gamma, inverse);
    save([centred, inverse, scale]);
    return {
      value: tf.add(tf.mul(centred, scale), beta),
      gradFunc: (gradient, saved) => {
        const [centred, inverse, scale] = saved as [tf.Tensor2D, tf.Tensor1D, tf.Tensor1D];
        const biasGradient = tf.sum(gradient, 0);
        const weightGradient = tf.mul(tf.sum(tf.mul(gradient, centred), 0), inverse);
        const slope = tf.mul(tf.mul(weightGradient, inverse), 1 / count);
        const inner = tf.sub(gradient, tf.add(tf.mul(centred, slope), tf.mul(biasGradient, 1 / count)));
        return [tf.mul(inner, scale), weightGradient, biasGradient];
      },
    };
  })(input, weight, bias) as tf.Tensor2D;
  return { output, mean: mean as tf.Tensor1D, variance: variance as tf.Tensor1D };
}
