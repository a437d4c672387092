import * as tf from '@tensorflow/tfjs';

/** What a kernel of this folder uses of tfjs's WASM backend. */
export interface WasmBackend {
  /** Allocates an uninitialised tensor. The heap may grow and move: every view taken before is void. */
  makeOutput(shape: readonly number[], dtype: tf.DataType): tf.TensorInfo;
  /** The tensor's elements, as a view on the heap that lasts until the next allocation. */
  typedArrayFromHeap(tensor: tf.TensorInfo): Float32Array | Int32Array | Uint8Array;
  /** Drops one reference to the data and frees it with the last. */
  disposeData(dataId: tf.DataId): boolean;
  incRef(dataId: tf.DataId): void;
  readonly dataIdMap: { get(dataId: tf.DataId): { readonly memoryOffset: number } };
}

/** What tfjs hands to a kernel: `Inputs` and `Attributes` as the kernel's op names them. */
export interface KernelCall<Inputs, Attributes> {
  readonly inputs: Inputs;
  readonly backend: WasmBackend;
  readonly attrs: Attributes;
}

/** Runs another kernel of the WASM backend; whoever calls disposes of the result. */
export function runKernel(
  name: string,
  inputs: tf.NamedTensorInfoMap,
  backend: WasmBackend,
  attrs: object,
): tf.TensorInfo {
  const kernel = tf.getKernel(name, 'wasm');
  return kernel.kernelFunc({ inputs, backend, attrs: attrs as tf.NamedAttrMap }) as tf.TensorInfo;
}

/** The elements of a float32 tensor, as `typedArrayFromHeap` views them. */
export function floats(tensor: tf.TensorInfo, backend: WasmBackend): Float32Array {
  return backend.typedArrayFromHeap(tensor) as Float32Array;
}

/** Where a tensor's elements are on the heap, in bytes: until it is disposed of, wherever the heap grows to. */
export function addressOf({ dataId }: tf.TensorInfo, backend: WasmBackend): number {
  return backend.dataIdMap.get(dataId).memoryOffset;
}

/** Gives `use` uninitialised blocks of the heap, of so many bytes each, while it runs. */
export function withScratch(
  backend: WasmBackend,
  bytes: readonly number[],
  use: (addresses: number[]) => void,
): void {
  const blocks = bytes.map((length) => backend.makeOutput([Math.ceil(length / 4)], 'float32'));
  try {
    use(blocks.map((block) => addressOf(block, backend)));
  } finally {
    for (const { dataId } of blocks) backend.disposeData(dataId);
  }
}

/** Transposes and drops the original. */
export function transposeAndDispose(x: tf.TensorInfo, perm: number[], backend: WasmBackend): tf.TensorInfo {
  const transposed = runKernel('Transpose', { x }, backend, { perm });
  backend.disposeData(x.dataId);
  return transposed;
}

/** The same elements, in place, under another shape; only one of both is to be disposed of. */
export function withShape(tensor: tf.TensorInfo, shape: number[]): tf.TensorInfo {
  return { dataId: tensor.dataId, dtype: tensor.dtype, shape };
}
