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
    mean = tf.keep(tf.mul(columnSums(x), 1 / count));
    const centred = tf.sub(x, mean) as tf.Tensor2D;
    variance = tf.keep(tf.mul(columnSums(tf.square(centred)), 1 / count));
    const inverse = tf.rsqrt(tf.add(variance, epsilon));
    const scale = tf.mul(gamma, inverse);
    save([centred, inverse, scale]);
    return {
      value: tf.add(tf.mul(centred, scale), beta),
      gradFunc: (gradient, saved) => {
        const [centred, inverse, scale] = saved as [tf.Tensor2D, tf.Tensor1D, tf.Tensor1D];
        const biasGradient = columnSums(gradient as tf.Tensor2D);
        const weightGradient = tf.mul(columnSums(tf.mul(gradient, centred) as tf.Tensor2D), inverse);
        const slope = tf.mul(tf.mul(weightGradient, inverse), 1 / count);
        const inner = tf.sub(gradient, tf.add(tf.mul(centred, slope), tf.mul(biasGradient, 1 / count)));
        return [tf.mul(inner, scale), weightGradient, biasGradient];
      },
    };
  })(input, weight, bias) as tf.Tensor2D;
  return { output, mean: mean as tf.Tensor1D, variance: variance as tf.Tensor1D };
}

/** Sums of the columns, as a product with ones: a matrix product is fast where a reduction is not. */
function columnSums(rows: tf.Tensor2D): tf.Tensor1D {
  return tf.reshape(tf.matMul(tf.ones([1, rows.shape[0]]), rows), [-1]) as tf.Tensor1D;
}
