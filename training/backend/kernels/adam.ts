import type { NetworkKernels } from '@softmargin/shared/kernels/network-kernels.ts';
import * as tf from '@tensorflow/tfjs';
import type { AdamAttributes, AdamInputs } from '../../optimisation/adam.ts';
import { addressOf, type KernelCall } from './kernel.ts';

/** A step of Adam in one pass over a variable → its new value and its new moments. */
export function adam(kernels: NetworkKernels) {
  return ({ inputs, backend, attrs }: KernelCall<AdamInputs, AdamAttributes>): tf.TensorInfo[] => {
    const { value, gradient, first, second } = inputs;
    const { beta1, beta2, epsilon, rate, correction } = attrs;
    const at = (tensor: tf.TensorInfo) => addressOf(tensor, backend);
    const outputs = [value, first, second].map(({ shape }) => backend.makeOutput(shape, 'float32'));
    const [newValue, newFirst, newSecond] = outputs.map(at);
    kernels.adam(
      ...([at(value), at(gradient), at(first), at(second), tf.util.sizeFromShape(value.shape)] as const),
      ...([beta1, 1 - beta1, beta2, 1 - beta2, epsilon, rate, correction] as const),
      ...([newValue, newFirst, newSecond] as const),
    );
    return outputs;
  };
}
