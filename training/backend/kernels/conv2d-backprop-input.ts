import type { NetworkKernels } from '@softmargin/shared/kernels/network-kernels.ts';
import type * as tf from '@tensorflow/tfjs';
import { convolutionGeometry, inputGradient } from './convolution.ts';
import type { KernelCall } from './kernel.ts';

/**
 * Gradient of a convolution's input. The loops of the kernel it replaces take many times as long.
 *
 * dy [N, outHeight, outWidth, Cout], filter [filterHeight, filterWidth, Cin, Cout] → `inputShape`
 */
export function conv2dBackpropInput(kernels: NetworkKernels) {
  return ({
    inputs,
    backend,
    attrs,
  }: KernelCall<tf.Conv2DBackpropInputInputs, tf.Conv2DBackpropInputAttrs>): tf.TensorInfo => {
    const dy = inputs.dy as tf.TensorInfo;
    const filter = inputs.filter as tf.TensorInfo;
    const geometry = convolutionGeometry(attrs.inputShape, filter.shape, attrs);
    return inputGradient(kernels, backend, dy, filter, geometry);
  };
}
