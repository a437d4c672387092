import type { NetworkKernels } from '@softmargin/shared/kernels/network-kernels.ts';
import type * as tf from '@tensorflow/tfjs';
import { convolutionGeometry, convolve } from './convolution.ts';
import type { KernelCall } from './kernel.ts';

type Convolution = KernelCall<tf.Conv2DInputs, tf.Conv2DAttrs>;

/**
 * A convolution by our own product, in place of XNNPACK's: it has fused multiply-adds. Dilated ones are left
 * to XNNPACK.
 *
 * x [N, height, width, Cin], filter [filterHeight, filterWidth, Cin, Cout] → [N, outHeight, outWidth, Cout]
 */
export function conv2d(kernels: NetworkKernels, original: (call: Convolution) => tf.TensorInfo) {
  return (call: Convolution): tf.TensorInfo => {
    const { inputs, backend, attrs } = call;
    const x = inputs.x as tf.TensorInfo;
    const filter = inputs.filter as tf.TensorInfo;
    if ([attrs.dilations].flat().some((dilation) => dilation !== 1)) return original(call);
    return convolve(kernels, backend, x, filter, convolutionGeometry(x.shape, filter.shape, attrs));
  };
}
