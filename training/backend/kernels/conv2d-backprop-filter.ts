import type { NetworkKernels } from '@softmargin/shared/kernels/network-kernels.ts';
import type * as tf from '@tensorflow/tfjs';
import { convolutionGeometry, filterGradient } from './convolution.ts';
import type { KernelCall } from './kernel.ts';

/**
 * Gradient of a convolution's filter.
 *
 * x [N, height, width, Cin], dy [N, outHeight, outWidth, Cout] → `filterShape`
 */
export function conv2dBackpropFilter(kernels: NetworkKernels) {
  return ({
    inputs,
    backend,
    attrs,
  }: KernelCall<tf.Conv2DBackpropFilterInputs, tf.Conv2DBackpropFilterAttrs>): tf.TensorInfo => {
    const x = inputs.x as tf.TensorInfo;
    const dy = inputs.dy as tf.TensorInfo;
    return filterGradient(kernels, backend, x, dy, convolutionGeometry(x.shape, attrs.filterShape, attrs));
  };
}
