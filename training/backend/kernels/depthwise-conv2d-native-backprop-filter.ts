import * as tf from '@tensorflow/tfjs';
import { floats, type KernelCall } from './kernel.ts';

/**
 * Gradient of a depthwise convolution's filter. Each weight meets one channel only, so there is no matrix
 * product in it for XNNPACK to do.
 *
 * x [N, height, width, C], dy [N, outHeight, outWidth, C·multiplier] → `filterShape`
 */
export function depthwiseConv2dNativeBackpropFilter({
  inputs,
  backend,
  attrs,
}: KernelCall<
  tf.DepthwiseConv2dNativeBackpropFilterInputs,
  tf.DepthwiseConv2dNativeBackpropFilterAttrs
>): tf.TensorInfo {
  const x = inputs.x as tf.TensorInfo;
  const dy = inputs.dy as tf.TensorInfo;
  const { strides, pad, dimRoundingMode, dilations, filterShape } = attrs;
  const [filterHeight, filterWidth, channels, multiplier] = filterShape;
  const { inHeight, inWidth, strideHeight, strideWidth, padInfo } = tf.backend_util.computeConv2DInfo(
    x.shape as [number, number, number, number],
    filterShape,
    strides,
    dilations,
    pad,
    dimRoundingMode,
    true,
  );
  const [batch, outHeight, outWidth, outChannels] = dy.shape;

  const gradient = backend.makeOutput(filterShape, 'float32');
  const values = floats(x, backend);
  const outputGradient = floats(dy, backend);
  const filterGradient = floats(gradient, backend).fill(0);
  for (let n = 0; n < batch; n++) {
    for (let outY = 0; outY < outHeight; outY++) {
      for (let outX = 0; outX < outWidth; outX++) {
        const source = ((n * outHeight + outY) * outWidth + outX) * outChannels;
        for (let filterY = 0; filterY < filterHeight; filterY++) {
          const inY = outY * strideHeight - padInfo.top + filterY;
          if (inY < 0 || inY >= inHeight) continue;
          for (let filterX = 0; filterX < filterWidth; filterX++) {
            const inX = outX * strideWidth - padInfo.left + filterX;
            if (inX < 0 || inX >= inWidth) continue;
            const pixel = ((n * inHeight + inY) * inWidth + inX) * channels;
            const tap = (filterY * filterWidth + filterX) * outChannels;
            for (let c = 0, out = 0; c < channels; c++) {
              for (let m = 0; m < multiplier; m++, out++) {
                filterGradient[tap + out] += values[pixel + c] * outputGradient[source + out];
              }
            }
          }
        }
      }
    }
  }
  return gradient;
}
