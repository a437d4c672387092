import type { InferenceEngine } from '@softmargin/shared/inference/inference-kernels.ts';
import { BackendWasm } from '@tensorflow/tfjs-backend-wasm/dist/backend_wasm.js';
import createModule, {
  type BackendWasmModule,
} from '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.js';
import simdModule from '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm';
import * as tf from '@tensorflow/tfjs-core';
import { ApiError } from '../errors.ts';
import { logError } from '../observation/log.ts';
import { PictureDecoder } from './decode.ts';
import { createEngine, type Heap } from './engine.ts';
import { BytesInFlight } from './in-flight.ts';
import { LoadedModels } from './loaded-models.ts';
import { Passes } from './passes.ts';

/** The backend that serves. */
export interface Backend {
  readonly name: 'wasm';
  readonly simd: true;
  /** Our own kernels on tfjs's heap, which compute the networks. */
  readonly engine: InferenceEngine;
  readonly models: LoadedModels;
  readonly decoder: PictureDecoder;
  readonly passes: Passes;
  readonly inFlight: BytesInFlight;
}

/** What every Emscripten module has; tfjs's types leave it out. */
interface Emscripten {
  cwrap<F>(name: string, returns: 'number' | null, takes: 'number'[]): F;
}

let booted: Promise<Backend> | undefined;

/**
 * Boots TensorFlow.js on its SIMD WASM backend, once an isolate. This is the one place with global state.
 *
 * TensorFlow.js compiles its WASM at run time, which workerd forbids. So the compiled module is imported,
 * and what `init` of the backend does with a downloaded file is done here with that module. tfjs falls back
 * to plain JavaScript without a word when a backend does not start; here it refuses to serve.
 *
 * @throws {ApiError} 503 where the backend does not start. The next request tries again.
 */
export function startBackend(): Promise<Backend> {
  booted ??= boot().catch((error) => {
    booted = undefined;
    logError(error);
    throw new ApiError(503, {
      message: 'The inference backend (TensorFlow.js, WASM with SIMD) did not start here.',
      code: 'backend_unavailable',
    });
  });
  return booted;
}

async function boot(): Promise<Backend> {
  if (!(await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT'))) throw new Error('This runtime has no WASM SIMD.');
  let memory: WebAssembly.Memory | undefined;
  const wasm = await createModule({
    instantiateWasm(
      imports: WebAssembly.Imports,
      receive: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void,
    ) {
      const instance = new WebAssembly.Instance(simdModule, imports);
      memory = Object.values(instance.exports).find((each) => each instanceof WebAssembly.Memory);
      receive(instance, simdModule);
      return instance.exports;
    },
  });
  wasm.tfjs = bridgeOf(wasm as BackendWasmModule & Emscripten);

  // Here and not above: a Worker's start has little time, and the first picture has some.
  await import('@tensorflow/tfjs-backend-wasm/dist/register_all_kernels.js');
  if ('wasm' in tf.engine().registryFactory) tf.removeBackend('wasm');
  tf.registerBackend('wasm', () => new BackendWasm(wasm));
  await tf.setBackend('wasm');
  await tf.ready();
  if (tf.getBackend() !== 'wasm') throw new Error(`tfjs fell back to the backend "${tf.getBackend()}".`);
  if (memory === undefined) throw new Error('The WASM of TensorFlow.js does not show its memory.');
  const engine = createEngine(wasm as BackendWasmModule & Heap, memory);
  return {
    name: 'wasm',
    simd: true,
    engine,
    models: new LoadedModels(engine),
    decoder: new PictureDecoder(),
    passes: new Passes(),
    inFlight: new BytesInFlight(),
  };
}

/** The functions of the module that the backend calls outside kernels. */
function bridgeOf({ cwrap }: Emscripten): BackendWasmModule['tfjs'] {
  return {
    init: cwrap('init', null, []),
    initWithThreadsCount: cwrap('init_with_threads_count', null, ['number']),
    getThreadsCount: cwrap('get_threads_count', 'number', []),
    registerTensor: cwrap('register_tensor', null, ['number', 'number', 'number']),
    disposeData: cwrap('dispose_data', null, ['number']),
    dispose: cwrap('dispose', null, []),
  };
}
