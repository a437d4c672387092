import type * as tf from '@tensorflow/tfjs';
import { floats, type WasmBackend } from './kernel.ts';

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
  dy: tf.TensorInfo,
  geometry: ConvolutionGeometry,
  backend: WasmBackend,
): tf.TensorInfo {
  const { inHeight, inWidth, filterHeight, filterWidth, strideHeight, strideWidth, padInfo } = geometry;
  const [batch, outHeight, outWidth, channels] = dy.shape;
  const height = inHeight + filterHeight - 1;
  const width = inWidth + filterWidth - 1;
  const top = filterHeight - 1 - padInfo.top;
  const left = filterWidth - 1 - padInfo.left;

  const spread = backend.makeOutput([batch, height, width, channels], 'float32');
  const from = floats(dy, backend);
  const to = floats(spread, backend).fill(0);
  for (let n = 0; n < batch; n++) {
    for (let outY = 0; outY < outHeight; outY++) {
      const y = outY * strideHeight + top;
      if (y < 0 || y >= height) continue;
      for (let outX = 0; outX < outWidth; outX++) {
        const x = outX * strideWidth + left;
        if (x < 0 || x >= width) continue;
        const source = ((n * outHeight + outY) * outWidth + outX) * channels;
        const target = ((n * height + y) * width + x) * channels;
        for (let c = 0; c < channels; c++) to[target + c] = from[source + c];
      }
    }
  }
  return spread;
}
