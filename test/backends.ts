import * as tf from '@tensorflow/tfjs';
import { startWasmBackend } from '../training/backend/wasm.ts';
import { findAdapter, startWebgpuBackend } from '../training/backend/webgpu.ts';

export type BackendName = 'cpu' | 'wasm' | 'webgpu';

/** The WebGPU adapter of this machine, if it has one: tests of WebGPU itself take one in software too. */
export const webgpuAdapter = await findAdapter();

const takesSoftware = process.env.SOFTMARGIN_SOFTWARE_GPU === '1';
const hasGpu = webgpuAdapter !== undefined && (takesSoftware || !webgpuAdapter.isSoftware);

/**
 * The backends that training runs on; importing tfjs as a whole registers its gradients. WebGPU is among them
 * where there is a graphics card, or an adapter in software and SOFTMARGIN_SOFTWARE_GPU=1: that is slow.
 */
export const backends: readonly BackendName[] = hasGpu ? ['cpu', 'wasm', 'webgpu'] : ['cpu', 'wasm'];

// Without it tfjs prints an advertisement in every test file.
tf.env().set('PROD', true);

/** Makes a backend the current one, and fails where tfjs would quietly fall back to another. */
export async function startBackend(name: BackendName): Promise<void> {
  if (name === 'wasm') await startWasmBackend();
  if (name === 'webgpu') {
    if (webgpuAdapter === undefined) throw new Error('There is no WebGPU adapter here.');
    await startWebgpuBackend(webgpuAdapter);
  }
  await tf.setBackend(name);
  await tf.ready();
  if (tf.getBackend() !== name) throw new Error(`The backend is ${tf.getBackend()}, not ${name}.`);
}
