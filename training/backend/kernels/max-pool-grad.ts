import * as tf from '@tensorflow/tfjs';
import { floats, type KernelCall } from './kernel.ts';

/**
 * Gradient of max pooling: each window hands its gradient to the first of its largest elements. The kernel
 * it replaces starts its search for the largest at zero, and so loses the gradient of every window without
 * a positive element.
 *
 * dy [N, outHeight, outWidth, C], input [N, height, width, C] → [N, height, width, C]
 */
export function maxPoolGrad({
  inputs,
  backend,
  attrs,
}: KernelCall<tf.MaxPoolGradInputs, tf.MaxPoolGradAttrs>): tf.TensorInfo {
  const dy = inputs.dy as tf.TensorInfo;
  const input = inputs.input as tf.TensorInfo;
  const { filterSize, strides, pad, dimRoundingMode } = attrs;
  const { inHeight, inWidth, filterHeight, filterWidth, strideHeight, strideWidth, padInfo } =
    tf.backend_util.computePool2DInfo(
      input.shape as [number, number, number, number],
      filterSize,
      strides,
      1,
      pad,
      dimRoundingMode,
    );
  const [batch, outHeight, outWidth, channels] = dy.shape;

  const dx = backend.makeOutput(input.shape, 'float32');
  const values = floats(input, backend);
  const outputGradient = floats(dy, backend);
  const inputGradient = floats(dx, backend).fill(0);
  let window = 0;
  for (let n = 0; n < batch; n++) {
    for (let outY = 0; outY < outHeight; outY++) {
      const y = outY * strideHeight - padInfo.top;
      const firstY = Math.max(0, y);
      const endY = Math.min(inHeight, y + filterHeight);
      for (let outX = 0; outX < outWidth; outX++) {
        const x = outX * strideWidth - padInfo.left;
        const firstX = Math.max(0, x);
        const endX = Math.min(inWidth, x + filterWidth);
        for (let c = 0; c < channels; c++, window++) {
          let largest = ((n * inHeight + firstY) * inWidth + firstX) * channels + c;
          for (let row = firstY; row < endY; row++) {
            let at = ((n * inHeight + row) * inWidth + firstX) * channels + c;
            for (let column = firstX; column < endX; column++, at += channels) {
              if (values[at] > values[largest]) largest = at;
            }
          }
          inputGradient[largest] += outputGradient[window];
        }
      }
    }
  }
  return dx;
}
