/** What an isolate holds that could leak. */
export interface IsolateMemory {
  readonly tensors: number;
  /** Bytes of weights and maps that the engine allocated. */
  readonly engine: number;
  /** Bytes of the heap of TensorFlow.js's WASM, which never shrinks. */
  readonly heap: number;
  /** Bytes of the decoders' memories. */
  readonly decoders: number;
  /** Bytes that requests hold. */
  readonly inFlight: number;
}
