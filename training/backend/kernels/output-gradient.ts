import type { NetworkKernels } from '@softmargin/shared/kernels/network-kernels.ts';
import type * as tf from '@tensorflow/tfjs';
import { addressOf, floats, type WasmBackend } from './kernel.ts';

type ConvolutionGeometry = tf.backend_util.Conv2DInfo;

/**
 * Lays the gradient of a convolution's output out so that a plain convolution (stride 1, no padding) with
 * the reversed filter gives the gradient of its input: element (y, x) goes to (y·stride + filter − 1 − pad),
 * everything else is zero. What a generous padding puts outside of the map is dropped, as it met only zeros.
 *
 * @param dy [N, outHeight, outWidth, C]
 * @returns [N, inHeight + filterHeight − 1, inWidth + filterWidth − 1, C]
 */
export function spreadOutputGradient(
  kernels: NetworkKernels,
  dy: tf.TensorInfo,
  geometry: ConvolutionGeometry,
  backend: WasmBackend,
): tf.TensorInfo {
  const { inHeight, inWidth, filterHeight, filterWidth, strideHeight, strideWidth, padInfo } = geometry;
  const [batch, outHeight, outWidth, channels] = dy.shape;
  const height = inHeight + filterHeight - 1;
  const width = inWidth + filterWidth - 1;

  const spread = backend.makeOutput([batch, height, width, channels], 'float32');
  floats(spread, backend).fill(0);
  kernels.place(
    ...([addressOf(dy, backend), batch, outHeight, outWidth, channels] as const),
    ...([addressOf(spread, backend), height, width] as const),
    ...([filterHeight - 1 - padInfo.top, filterWidth - 1 - padInfo.left] as const),
    ...([strideHeight, strideWidth] as const),
  );
  return spread;
}
