import type { NetworkKernels } from '@softmargin/shared/kernels/network-kernels.ts';
import * as tf from '@tensorflow/tfjs';
import { addressOf, type KernelCall } from './kernel.ts';

/**
 * Gradient of max pooling: each window hands its gradient to the first of its largest elements. The kernel
 * it replaces starts its search for the largest at zero, and so loses the gradient of every window without
 * a positive element.
 *
 * dy [N, outHeight, outWidth, C], input [N, height, width, C] → [N, height, width, C]
 */
export function maxPoolGrad(kernels: NetworkKernels) {
  return ({
    inputs,
    backend,
    attrs,
  }: KernelCall<tf.MaxPoolGradInputs, tf.MaxPoolGradAttrs>): tf.TensorInfo => {
    const dy = inputs.dy as tf.TensorInfo;
    const input = inputs.input as tf.TensorInfo;
    const info = tf.backend_util.computePool2DInfo(
      input.shape as [number, number, number, number],
      attrs.filterSize,
      attrs.strides,
      1,
      attrs.pad,
      attrs.dimRoundingMode,
    );
    const dx = backend.makeOutput(input.shape, 'float32');
    kernels.maxPoolGradient(
      ...([addressOf(input, backend), addressOf(dy, backend), addressOf(dx, backend)] as const),
      ...([info.batchSize, info.inHeight, info.inWidth, info.inChannels] as const),
      ...([info.outHeight, info.outWidth, info.filterHeight, info.filterWidth] as const),
      ...([info.strideHeight, info.strideWidth, info.padInfo.top, info.padInfo.left] as const),
    );
    return dx;
  };
}
