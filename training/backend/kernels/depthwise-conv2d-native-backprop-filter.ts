import type { NetworkKernels, Windows } from '@softmargin/shared/kernels/network-kernels.ts';
import * as tf from '@tensorflow/tfjs';
import { forwardWindows, scratchBytes } from './convolution.ts';
import { addressOf, floats, type KernelCall, type WasmBackend, withScratch } from './kernel.ts';

type Geometry = tf.backend_util.Conv2DInfo;

/**
 * Gradient of a depthwise convolution's filter. Each weight meets one channel only, so there is no matrix
 * product in it.
 *
 * x [N, height, width, C], dy [N, outHeight, outWidth, C·multiplier] → `filterShape`
 */
export function depthwiseConv2dNativeBackpropFilter(kernels: NetworkKernels) {
  return ({
    inputs,
    backend,
    attrs,
  }: KernelCall<
    tf.DepthwiseConv2dNativeBackpropFilterInputs,
    tf.DepthwiseConv2dNativeBackpropFilterAttrs
  >): tf.TensorInfo => {
    const x = inputs.x as tf.TensorInfo;
    const dy = inputs.dy as tf.TensorInfo;
    const { strides, pad, dimRoundingMode, dilations, filterShape } = attrs;
    const geometry = tf.backend_util.computeConv2DInfo(
      x.shape as [number, number, number, number],
      filterShape,
      strides,
      dilations,
      pad,
      dimRoundingMode,
      true,
    );
    const gradient = backend.makeOutput(filterShape, 'float32');
    if (filterShape[3] > 1) {
      multiply(floats(x, backend), floats(dy, backend), geometry, floats(gradient, backend).fill(0));
    } else {
      multiplyByKernel(kernels, backend, x, dy, forwardWindows(geometry), gradient);
    }
    return gradient;
  };
}

function multiplyByKernel(
  kernels: NetworkKernels,
  backend: WasmBackend,
  x: tf.TensorInfo,
  dy: tf.TensorInfo,
  windows: Windows,
  gradient: tf.TensorInfo,
): void {
  withScratch(backend, [scratchBytes(kernels, windows)], ([scratch]) => {
    kernels.depthwiseFilterGradient(
      addressOf(x, backend),
      addressOf(dy, backend),
      addressOf(gradient, backend),
      scratch,
      ...windows,
    );
  });
}

/** Any number of filters for a channel, which no network here has. */
function multiply(x: Float32Array, dy: Float32Array, geometry: Geometry, gradient: Float32Array): void {
  const { batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, outChannels, padInfo } = geometry;
  const { filterHeight, filterWidth, strideHeight, strideWidth } = geometry;
  const multiplier = outChannels / inChannels;
  for (let n = 0; n < batchSize; n++) {
    for (let outY = 0; outY < outHeight; outY++) {
      for (let outX = 0; outX < outWidth; outX++) {
        const source = ((n * outHeight + outY) * outWidth + outX) * outChannels;
        for (let filterY = 0; filterY < filterHeight; filterY++) {
          const inY = outY * strideHeight - padInfo.top + filterY;
          if (inY < 0 || inY >= inHeight) continue;
          for (let filterX = 0; filterX < filterWidth; filterX++) {
            const inX = outX * strideWidth - padInfo.left + filterX;
            if (inX < 0 || inX >= inWidth) continue;
            const pixel = ((n * inHeight + inY) * inWidth + inX) * inChannels;
            const tap = (filterY * filterWidth + filterX) * outChannels;
            for (let out = 0; out < outChannels; out++) {
              gradient[tap + out] += x[pixel + Math.floor(out / multiplier)] * dy[source + out];
            }
          }
        }
      }
    }
  }
}
