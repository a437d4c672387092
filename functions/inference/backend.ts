import type { InferenceEngine } from '@softmargin/shared/inference/inference-kernels.ts';
import { ApiError } from '../errors.ts';
import { logError } from '../observation/log.ts';
import { PictureDecoder } from './decode.ts';
import { LoadedModels } from './loaded-models.ts';
import { MemoryBudget } from './memory-budget.ts';

/** The backend that serves. */
export interface Backend {
  readonly name: 'wasm';
  readonly simd: true;
  /** Our own kernels on tfjs's heap, which compute the networks. */
  readonly engine: InferenceEngine;
  readonly models: LoadedModels;
  readonly decoder: PictureDecoder;
  readonly memory: MemoryBudget;
}

let booted: Promise<Backend> | undefined;

/**
 * Boots TensorFlow.js on its SIMD WASM backend, once an isolate. This is the one place with global state. Where
 * that backend does not start, the service refuses to serve.
 *
 * @throws {ApiError} 503 where the backend does not start. The next request tries again.
 */
export async function startBackend(): Promise<Backend> {
  // A started one is there at once: no request waits for another's import.
  if (booted !== undefined) return booted;
  // Not with the Worker, whose start has little time: with the first picture, which has some.
  const { startTensorFlow } = await import('./tensorflow.ts');
  booted ??= boot(startTensorFlow).catch((error) => {
    booted = undefined;
    logError(error);
    throw new ApiError(503, {
      message: 'The inference backend (TensorFlow.js, WASM with SIMD) did not start here.',
      code: 'backend_unavailable',
    });
  });
  return booted;
}

async function boot(startTensorFlow: () => Promise<InferenceEngine>): Promise<Backend> {
  const engine = await startTensorFlow();
  const memory = new MemoryBudget(() => engine.memory.buffer.byteLength);
  const decoder = new PictureDecoder();
  memory.codecs = decoder;
  return {
    name: 'wasm',
    simd: true,
    engine,
    models: new LoadedModels(engine, memory),
    decoder,
    memory,
  };
}
