import { type CompiledModule, Instance, type Memory } from '../metrics/kernel/webassembly.ts';

/**
 * What `assembly/index.ts` exports: the layers of a network at rest, for one picture. Each reads and writes the
 * memory that it was instantiated over, at byte addresses; all numbers are float32 and maps are
 * [height, width, channels]. The kernels keep nothing and allocate nothing.
 */
export interface InferenceKernels {
  /** Bytes of scratch memory that `convolve` needs for windows of `numbers` numbers. */
  convolutionScratchBytes(numbers: number): number;
  /** activation(windows · filters + bias + addend), filters as `packFilters` packs them. */
  convolve(
    source: number,
    pixelBytes: number,
    height: number,
    width: number,
    channels: number,
    weights: number,
    bias: number,
    slopes: number,
    addend: number,
    low: number,
    high: number,
    filters: number,
    kernel: number,
    stride: number,
    top: number,
    left: number,
    outHeight: number,
    outWidth: number,
    target: number,
    scratch: number,
  ): void;
  /**
   * Each channel by its own filter of 3×3; weights [3, 3, channels]. `top` and `left` are 0 or 1, and no window
   * reaches further over the bottom and the right than by one; with a stride of 1, `left` is 1 and outWidth width.
   */
  depthwise3x3(
    source: number,
    pixelBytes: number,
    height: number,
    width: number,
    channels: number,
    weights: number,
    bias: number,
    low: number,
    high: number,
    stride: number,
    top: number,
    left: number,
    outHeight: number,
    outWidth: number,
    target: number,
  ): void;
  /** The same with filters of any size and any padding; weights [kernel, kernel, channels]. */
  depthwise(
    source: number,
    height: number,
    width: number,
    channels: number,
    weights: number,
    bias: number,
    low: number,
    high: number,
    kernel: number,
    stride: number,
    top: number,
    left: number,
    outHeight: number,
    outWidth: number,
    target: number,
  ): void;
  maxPool(
    source: number,
    height: number,
    width: number,
    channels: number,
    size: number,
    stride: number,
    top: number,
    left: number,
    outHeight: number,
    outWidth: number,
    target: number,
  ): void;
  averagePool(
    source: number,
    height: number,
    width: number,
    channels: number,
    size: number,
    outHeight: number,
    outWidth: number,
    target: number,
  ): void;
  meanRows(source: number, rows: number, channels: number, target: number): void;
  /** activation(source · factor + shift), channel by channel; an address of 0 leaves its part out. */
  scaleChannels(
    source: number,
    factor: number,
    shift: number,
    slopes: number,
    low: number,
    high: number,
    rows: number,
    channels: number,
    target: number,
  ): void;
  /** source · factor + addend, the factor by channel. */
  addScaled(
    source: number,
    factor: number,
    addend: number,
    rows: number,
    channels: number,
    target: number,
  ): void;
  addMaps(a: number, b: number, low: number, high: number, count: number, target: number): void;
  multiplyMaps(a: number, b: number, count: number, target: number): void;
  instanceNormalise(
    source: number,
    rows: number,
    channels: number,
    weight: number,
    bias: number,
    epsilon: number,
    low: number,
    high: number,
    target: number,
  ): void;
  copyChannels(
    source: number,
    sourceBytes: number,
    rows: number,
    count: number,
    target: number,
    targetBytes: number,
  ): void;
}

/** The kernels and the memory that they work on, such as the heap of tfjs's WASM backend. */
export interface InferenceEngine {
  readonly kernels: InferenceKernels;
  readonly memory: Memory;
  /** Bytes that are allocated now. */
  readonly heldBytes: number;
  /** The address of so many bytes, a multiple of 16. The memory may grow, which gives it another buffer. */
  allocate(bytes: number): number;
  free(address: number): void;
}

export function instantiateInferenceKernels(module: CompiledModule, memory: Memory): InferenceKernels {
  return new Instance(module, { env: { memory } }).exports as InferenceKernels;
}
