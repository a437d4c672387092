import * as tf from '@tensorflow/tfjs-core';
import { startBackend } from '../inference/backend.ts';

/** What this isolate holds that could leak. */
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

export async function isolateMemory(): Promise<IsolateMemory> {
  const { decoder, engine, inFlight } = await startBackend();
  const { wasm } = tf.backend() as unknown as { wasm: { HEAPU8: Uint8Array } };
  return {
    tensors: tf.memory().numTensors,
    engine: engine.heldBytes,
    heap: wasm.HEAPU8.byteLength,
    decoders: decoder.bytes,
    inFlight: inFlight.total,
  };
}
