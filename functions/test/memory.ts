import * as tf from '@tensorflow/tfjs-core';
import type { IsolateMemory } from '../../test/isolate-memory.ts';
import { startBackend } from '../inference/backend.ts';

export async function isolateMemory(): Promise<IsolateMemory> {
  const { decoder, engine, memory } = await startBackend();
  const { wasm } = tf.backend() as unknown as { wasm: { HEAPU8: Uint8Array } };
  return {
    tensors: tf.memory().numTensors,
    engine: engine.heldBytes,
    heap: wasm.HEAPU8.byteLength,
    decoders: decoder.bytes,
    inFlight: memory.requests,
  };
}
