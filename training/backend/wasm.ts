import type { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import type { Memory } from '@softmargin/shared/metrics/kernel/webassembly.ts';
import * as tf from '@tensorflow/tfjs';
import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { registerActivationGradients } from './activation-gradients.ts';
import { registerTrainingKernels } from './kernels/register.ts';
import { loadKernels } from './load-kernels.ts';

let started: Promise<void> | undefined;

/**
 * Makes tfjs's WASM backend, with SIMD and all kernels that training needs, the current one.
 *
 * @throws {Error} where tfjs would quietly fall back to its `cpu` backend, hundreds of times slower.
 */
export async function startWasmBackend(): Promise<void> {
  started ??= prepare();
  await started;
  await tf.setBackend('wasm');
  if (tf.getBackend() !== 'wasm') {
    throw new Error(`TensorFlow.js left its WASM backend for "${tf.getBackend()}".`);
  }
}

async function prepare(): Promise<void> {
  if (!(await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT'))) {
    throw new Error('This machine or this Node has no WebAssembly SIMD, which training needs.');
  }
  const { resolve } = createRequire(import.meta.url);
  setWasmPaths(dirname(resolve('@tensorflow/tfjs-backend-wasm')) + sep);
  // Its threads do not start in Node.
  setThreadsCount(1);

  const emitter: EventEmitter = process;
  const events = ['uncaughtException', 'unhandledRejection'];
  const listeners = new Set(events.flatMap((event) => emitter.listeners(event)));
  const running = await tf.setBackend('wasm');
  // Emscripten's start-up leaves listeners behind that throw each uncaught error again, so that Node shows a
  // line of tfjs in place of the one that failed.
  for (const event of events) {
    for (const listener of emitter.listeners(event)) {
      if (!listeners.has(listener)) emitter.off(event, listener as () => void);
    }
  }
  // The backend's name alone proves nothing: tfjs takes it over before it knows whether the backend starts.
  if (!running) throw new Error('TensorFlow.js could not start its WASM backend.');
  registerTrainingKernels(loadKernels(memoryOf(tf.backend())));
  registerActivationGradients();
}

/** The heap of the backend's WASM module. Its types leave it out. */
function memoryOf(backend: object): Memory {
  const { memory } = (backend as { wasm: { asm: { memory?: Memory } } }).wasm.asm;
  if (memory === undefined) throw new Error('The WASM backend of TensorFlow.js does not show its memory.');
  return memory;
}
