import type { NetworkKernels, Windows } from '@softmargin/shared/kernels/network-kernels.ts';
import * as tf from '@tensorflow/tfjs';
import { addressOf, type WasmBackend, withScratch } from './kernel.ts';

type Geometry = tf.backend_util.Conv2DInfo;

/** The geometry of a convolution of NHWC maps without dilation. */
export function convolutionGeometry(
  inputShape: readonly number[],
  filterShape: readonly number[],
  { strides, pad, dataFormat, dimRoundingMode }: Omit<tf.Conv2DBackpropFilterAttrs, 'filterShape'>,
): Geometry {
  if (dataFormat !== 'NHWC') throw new Error(`A convolution takes NHWC, not ${dataFormat}.`);
  return tf.backend_util.computeConv2DInfo(
    inputShape as [number, number, number, number],
    filterShape as [number, number, number, number],
    strides,
    1,
    pad,
    dimRoundingMode,
  );
}

/** A convolution, its windows read where they lie: nothing is gathered but the padding. */
export function convolve(
  kernels: NetworkKernels,
  backend: WasmBackend,
  x: tf.TensorInfo,
  filter: tf.TensorInfo,
  geometry: Geometry,
): tf.TensorInfo {
  const { filterHeight, filterWidth, inChannels, outChannels } = geometry;
  const rows = filterHeight * filterWidth * inChannels;
  const windows = forwardWindows(geometry);
  const output = backend.makeOutput(geometry.outShape, 'float32');
  withScratch(
    backend,
    [kernels.packedBytes(rows, outChannels), scratchBytes(kernels, windows)],
    ([packed, scratch]) => {
      kernels.packMatrix(addressOf(filter, backend), rows, outChannels, 4 * outChannels, 4, packed);
      kernels.convolve(
        addressOf(x, backend),
        packed,
        outChannels,
        addressOf(output, backend),
        scratch,
        ...windows,
      );
    },
  );
  return output;
}

/**
 * The gradient of a convolution's input: a convolution of the output's gradient with the filter reversed in
 * space and its channels swapped. Where the stride is above 1, zeros lie between the gradient's pixels; what a
 * generous padding puts outside of the map is dropped, as it met only zeros.
 */
export function inputGradient(
  kernels: NetworkKernels,
  backend: WasmBackend,
  dy: tf.TensorInfo,
  filter: tf.TensorInfo,
  geometry: Geometry,
): tf.TensorInfo {
  const { batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, outChannels } = geometry;
  const { filterHeight, filterWidth, strideHeight, strideWidth, padInfo } = geometry;
  const taps = filterHeight * filterWidth;
  const windows: Windows = [
    ...([batchSize, outHeight, outWidth, outChannels] as const),
    ...([inHeight + filterHeight - 1, inWidth + filterWidth - 1] as const),
    ...([filterHeight - 1 - padInfo.top, filterWidth - 1 - padInfo.left] as const),
    ...([strideHeight, strideWidth] as const),
    ...([filterHeight, filterWidth, 1, 1] as const),
    ...([inHeight, inWidth] as const),
  ];
  const dx = backend.makeOutput(geometry.inShape, 'float32');
  withScratch(
    backend,
    [kernels.packedBytes(taps * outChannels, inChannels), scratchBytes(kernels, windows)],
    ([packed, scratch]) => {
      kernels.packReversedFilter(addressOf(filter, backend), taps, inChannels, outChannels, packed);
      kernels.convolve(
        addressOf(dy, backend),
        packed,
        inChannels,
        addressOf(dx, backend),
        scratch,
        ...windows,
      );
    },
  );
  return dx;
}

/** The gradient of a convolution's filter: every element of the windows times the output's gradient. */
export function filterGradient(
  kernels: NetworkKernels,
  backend: WasmBackend,
  x: tf.TensorInfo,
  dy: tf.TensorInfo,
  geometry: Geometry,
): tf.TensorInfo {
  const windows = forwardWindows(geometry);
  const gradient = backend.makeOutput(geometry.filterShape, 'float32');
  withScratch(backend, [scratchBytes(kernels, windows)], ([scratch]) => {
    kernels.filterGradient(
      addressOf(x, backend),
      addressOf(dy, backend),
      geometry.outChannels,
      addressOf(gradient, backend),
      scratch,
      ...windows,
    );
  });
  return gradient;
}

/** The windows of a convolution over its padded input. */
export function forwardWindows(geometry: Geometry): Windows {
  const { batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, padInfo } = geometry;
  const { filterHeight, filterWidth, strideHeight, strideWidth } = geometry;
  const { top, bottom, left, right } = padInfo;
  return [
    ...([batchSize, inHeight, inWidth, inChannels] as const),
    ...([inHeight + top + bottom, inWidth + left + right, top, left, 1, 1] as const),
    ...([filterHeight, filterWidth, strideHeight, strideWidth, outHeight, outWidth] as const),
  ];
}

/** What a kernel over these windows needs beside its tensors. */
export function scratchBytes(kernels: NetworkKernels, windows: Windows): number {
  const [images, , , channels, height, width] = windows;
  const [outHeight, outWidth] = windows.slice(-2);
  return kernels.scratchBytes(images, height, width, channels, outHeight, outWidth);
}
