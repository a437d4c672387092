import { type CompiledModule, Instance, type Memory } from '../metrics/kernel/webassembly.ts';

/**
 * The windows of a convolution. Maps [images, inHeight, inWidth, channels] are laid out at `height` × `width`
 * with pixel (y, x) at (y · spreadY + top, x · spreadX + left) and zeros elsewhere; the windows lie there, a
 * stride apart.
 */
export type Windows = [
  images: number,
  inHeight: number,
  inWidth: number,
  channels: number,
  height: number,
  width: number,
  top: number,
  left: number,
  spreadY: number,
  spreadX: number,
  filterHeight: number,
  filterWidth: number,
  strideY: number,
  strideX: number,
  outHeight: number,
  outWidth: number,
];

/**
 * What `assembly/index.ts` exports: the kernels of a network's layers and of their gradients. Each reads and
 * writes the memory that it was instantiated over, at byte addresses; all numbers are float32 and maps are
 * NHWC. The kernels keep nothing and allocate nothing.
 */
export interface NetworkKernels {
  /** Bytes that `packMatrix` fills for `rows` × `columns`, and `packReversedFilter` for taps · outputs rows. */
  packedBytes(rows: number, columns: number): number;
  packMatrix(
    source: number,
    rows: number,
    columns: number,
    rowBytes: number,
    columnBytes: number,
    target: number,
  ): void;
  packReversedFilter(source: number, taps: number, inputs: number, outputs: number, target: number): void;
  /** Bytes of scratch memory for what takes {@link Windows}, over maps laid out at `height` × `width`. */
  scratchBytes(
    images: number,
    height: number,
    width: number,
    channels: number,
    outHeight: number,
    outWidth: number,
  ): number;
  /** maps, filter as packed → target [images, outHeight, outWidth, filters] */
  convolve(
    maps: number,
    filter: number,
    filters: number,
    target: number,
    scratch: number,
    ...windows: Windows
  ): void;
  /** maps, gradient [images, outHeight, outWidth, filters] → target [window, filters] */
  filterGradient(
    maps: number,
    gradient: number,
    filters: number,
    target: number,
    scratch: number,
    ...windows: Windows
  ): void;
  /** maps, gradient [images, outHeight, outWidth, channels] → target [filterHeight, filterWidth, channels] */
  depthwiseFilterGradient(
    maps: number,
    gradient: number,
    target: number,
    scratch: number,
    ...windows: Windows
  ): void;
  /** Lays maps out as {@link Windows} says; what they do not cover of the target is left as it is. */
  place(
    maps: number,
    images: number,
    inHeight: number,
    inWidth: number,
    channels: number,
    target: number,
    height: number,
    width: number,
    top: number,
    left: number,
    spreadY: number,
    spreadX: number,
  ): void;
  maxPoolGradient(
    input: number,
    gradient: number,
    target: number,
    images: number,
    height: number,
    width: number,
    channels: number,
    outHeight: number,
    outWidth: number,
    filterHeight: number,
    filterWidth: number,
    strideY: number,
    strideX: number,
    top: number,
    left: number,
  ): void;
  reluGradient(input: number, gradient: number, count: number, target: number): void;
  preluInputGradient(
    input: number,
    slope: number,
    gradient: number,
    rows: number,
    channels: number,
    target: number,
  ): void;
  preluSlopeGradient(input: number, gradient: number, rows: number, channels: number, target: number): void;
  adam(
    value: number,
    gradient: number,
    first: number,
    second: number,
    count: number,
    beta1: number,
    share1: number,
    beta2: number,
    share2: number,
    epsilon: number,
    step: number,
    correction: number,
    newValue: number,
    newFirst: number,
    newSecond: number,
  ): void;
  normalise(
    input: number,
    rows: number,
    channels: number,
    weight: number,
    bias: number,
    epsilon: number,
    output: number,
    mean: number,
    variance: number,
    inverse: number,
  ): void;
  normaliseGradient(
    input: number,
    gradient: number,
    rows: number,
    channels: number,
    weight: number,
    mean: number,
    inverse: number,
    inputGradient: number,
    weightGradient: number,
    biasGradient: number,
  ): void;
}

/** The kernels over a memory, such as that of tfjs's WASM backend: its tensors are reached without a copy. */
export function instantiateKernels(module: CompiledModule, memory: Memory): NetworkKernels {
  return new Instance(module, { env: { memory } }).exports as NetworkKernels;
}
