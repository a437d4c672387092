import type { NetworkKernels } from '@softmargin/shared/kernels/network-kernels.ts';
import * as tf from '@tensorflow/tfjs';
import { type KernelCall, runKernel, withShape } from './kernel.ts';
import { spreadOutputGradient } from './output-gradient.ts';

/**
 * Gradient of a depthwise convolution's input, as a depthwise convolution of the output's gradient with the
 * filter reversed in space. The channels that one input channel was multiplied into are summed at the end.
 *
 * dy [N, outHeight, outWidth, C·multiplier], filter [filterHeight, filterWidth, C, multiplier] → `inputShape`
 */
export function depthwiseConv2dNativeBackpropInput(kernels: NetworkKernels) {
  return ({
    inputs,
    backend,
    attrs,
  }: KernelCall<
    tf.DepthwiseConv2dNativeBackpropInputInputs,
    tf.DepthwiseConv2dNativeBackpropInputAttrs
  >): tf.TensorInfo => {
    const dy = inputs.dy as tf.TensorInfo;
    const filter = inputs.filter as tf.TensorInfo;
    const { strides, pad, dimRoundingMode, dilations, inputShape } = attrs;
    const [filterHeight, filterWidth, channels, multiplier] = filter.shape;
    const geometry = tf.backend_util.computeConv2DInfo(
      inputShape,
      filter.shape as [number, number, number, number],
      strides,
      dilations,
      pad,
      dimRoundingMode,
      true,
    );

    const taps = withShape(filter, [filterHeight * filterWidth, channels * multiplier]);
    const reversed = runKernel('Reverse', { x: taps }, backend, { dims: [0] });
    const spread = spreadOutputGradient(kernels, dy, geometry, backend);
    const dx = runKernel(
      'DepthwiseConv2dNative',
      { x: spread, filter: withShape(reversed, [filterHeight, filterWidth, channels * multiplier, 1]) },
      backend,
      { strides: 1, dilations: 1, pad: 'valid' },
    );
    backend.disposeData(spread.dataId);
    backend.disposeData(reversed.dataId);
    if (multiplier === 1) return dx;

    const multiplied = withShape(dx, [...inputShape, multiplier]);
    const summed = runKernel('Sum', { x: multiplied }, backend, { axis: 4, keepDims: false });
    backend.disposeData(dx.dataId);
    return summed;
  };
}
