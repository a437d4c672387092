import * as tf from '@tensorflow/tfjs';
import { startWasmBackend } from './wasm.ts';
import { type Adapter, findAdapter, startWebgpuBackend } from './webgpu.ts';

/** What `--backend` takes: `auto` is a graphics card where there is one, and `wasm` elsewhere. */
export const backendChoices = ['auto', 'webgpu', 'wasm'] as const;

export type BackendChoice = (typeof backendChoices)[number];

/** The backend that computes. */
export interface ChosenBackend {
  readonly name: 'webgpu' | 'wasm';
  /** For people: the backend, and the card it runs on. */
  readonly description: string;
}

/**
 * Starts the backend of a choice and makes it tfjs's current one. An adapter in software is taken only where
 * `webgpu` is asked for by name: the WASM backend is many times faster.
 *
 * @throws {Error} where `webgpu` is asked for and no adapter is found, or the backend does not start.
 */
export async function chooseBackend(choice: BackendChoice): Promise<ChosenBackend> {
  tf.env().set('PROD', true);
  const adapter = choice === 'wasm' ? undefined : await findAdapter();
  if (choice === 'webgpu' && adapter === undefined) {
    throw new Error(
      'There is no WebGPU adapter here: a graphics card with a Vulkan, Metal or Direct3D 12 driver, and the ' +
        'optional package "webgpu" are needed. --backend wasm computes on the processor.',
    );
  }
  if (adapter !== undefined && (choice === 'webgpu' || !adapter.isSoftware)) {
    await startWebgpuBackend(adapter);
    return { name: 'webgpu', description: `webgpu on ${describe(adapter)}` };
  }
  await startWasmBackend();
  return {
    name: 'wasm',
    description: choice === 'wasm' ? ONE_CORE : `${ONE_CORE}: no graphics card is found`,
  };
}

const ONE_CORE = 'wasm on one core';

function describe({ name, isSoftware }: Adapter): string {
  return isSoftware ? `${name}, in software: for tests, not for training` : name;
}
