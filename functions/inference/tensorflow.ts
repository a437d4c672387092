import type { InferenceEngine } from '@softmargin/shared/inference/inference-kernels.ts';
import { BackendWasm } from '@tensorflow/tfjs-backend-wasm/dist/backend_wasm.js';
import '@tensorflow/tfjs-backend-wasm/dist/register_all_kernels.js';
import createModule, {
  type BackendWasmModule,
} from '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm.js';
import simdModule from '@tensorflow/tfjs-backend-wasm/wasm-out/tfjs-backend-wasm-simd.wasm';
import * as tf from '@tensorflow/tfjs-core';
import { createEngine, type Heap } from './engine.ts';

/** What every Emscripten module has; tfjs's types leave it out. */
interface Emscripten {
  cwrap<F>(name: string, returns: 'number' | null, takes: 'number'[]): F;
}

/**
 * Starts TensorFlow.js on its SIMD WASM backend, and the engine on its heap.
 *
 * TensorFlow.js compiles its WASM at run time, which workerd forbids. So the compiled module is imported,
 * and what `init` of the backend does with a downloaded file is done here with that module. tfjs falls back
 * to plain JavaScript without a word when a backend does not start.
 *
 * @throws {Error} where the WASM backend is not the one that started.
 */
export async function startTensorFlow(): Promise<InferenceEngine> {
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

  if ('wasm' in tf.engine().registryFactory) tf.removeBackend('wasm');
  tf.registerBackend('wasm', () => new BackendWasm(wasm));
  await tf.setBackend('wasm');
  await tf.ready();
  if (tf.getBackend() !== 'wasm') throw new Error(`tfjs fell back to the backend "${tf.getBackend()}".`);
  if (memory === undefined) throw new Error('The WASM of TensorFlow.js does not show its memory.');
  return createEngine(wasm as BackendWasmModule & Heap, memory);
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
