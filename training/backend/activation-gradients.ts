import * as tf from '@tensorflow/tfjs';

/** Kernels that a backend may have for these gradients; see `kernels/activation-gradients.ts`. */
export const RELU_GRADIENT = 'ReluGradient';
export const PRELU_INPUT_GRADIENT = 'PreluInputGradient';
export const PRELU_SLOPE_GRADIENT = 'PreluSlopeGradient';

/**
 * Replaces tfjs's gradients of ReLU and PReLU by kernels of one pass where the backend has them, and
 * elsewhere by formulas without comparisons and selections, which are slow on WASM. The gradient at zero is
 * the same too: that of the negative side.
 */
export function registerActivationGradients(): void {
  tf.unregisterGradient('Relu');
  tf.registerGradient({
    kernelName: 'Relu',
    inputsToSave: ['x'],
    gradFunc: (dy, [x]) => ({
      x: () => byKernel(RELU_GRADIENT, { x, dy: dy as tf.Tensor }) ?? tf.mul(dy as tf.Tensor, tf.step(x)),
    }),
  });
  tf.unregisterGradient('Prelu');
  tf.registerGradient({
    kernelName: 'Prelu',
    inputsToSave: ['x', 'alpha'],
    gradFunc: (dy, [x, alpha]) => {
      const inputs = { x, alpha, dy: dy as tf.Tensor };
      const isOneEachChannel = alpha.rank === 1 && alpha.size === x.shape[x.rank - 1];
      return {
        x: () =>
          (isOneEachChannel && byKernel(PRELU_INPUT_GRADIENT, inputs)) ||
          tf.mul(inputs.dy, tf.add(alpha, tf.mul(tf.sub(1, alpha), tf.step(x)))),
        alpha: () => (isOneEachChannel && byKernel(PRELU_SLOPE_GRADIENT, inputs)) || slopeGradient(inputs),
      };
    },
  });
}

function slopeGradient({ x, alpha, dy }: Record<'x' | 'alpha' | 'dy', tf.Tensor>): tf.Tensor {
  const products = tf.mul(dy, tf.sub(x, tf.relu(x)));
  const axes = tf.broadcast_util.getReductionAxes(alpha.shape, x.shape);
  return tf.reshape(tf.sum(products, axes), alpha.shape);
}

function byKernel(name: string, inputs: tf.NamedTensorMap): tf.Tensor | undefined {
  if (tf.getKernel(name, tf.getBackend()) === undefined) return undefined;
  return tf.engine().runKernel(name, inputs) as tf.Tensor;
}
