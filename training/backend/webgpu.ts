import * as tf from '@tensorflow/tfjs';
import { registerActivationGradients } from './activation-gradients.ts';
import { conv2dBackpropFilter } from './webgpu-kernels/conv2d-backprop-filter.ts';

/** A graphics card, or software that stands in for one, as Dawn finds it. */
export interface Adapter {
  /** Its name, and the driver's where the driver tells one. */
  readonly name: string;
  /** Computed by the processor, as by Mesa's lavapipe: right, and many times slower than the WASM backend. */
  readonly isSoftware: boolean;
  readonly gpu: GPU;
  readonly adapter: GPUAdapter;
}

/** What `create` of the `webgpu` package returns. Dropping it while a device lives crashes the process. */
const kept: GPU[] = [];

/**
 * Finds the fastest WebGPU adapter of this machine.
 *
 * @returns nothing where there is none: no driver, or no build of Dawn for this system.
 */
export async function findAdapter(): Promise<Adapter | undefined> {
  if (process.platform === 'linux' && !isLoadable('libvulkan.so.1')) return undefined;
  const dawn = await import('webgpu').catch(() => undefined);
  if (dawn === undefined) return undefined;
  Object.assign(globalThis, dawn.globals);
  const gpu = dawn.create([]);
  kept.push(gpu);
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) return undefined;
  const { vendor, device, description, isFallbackAdapter } = adapter.info;
  return {
    name: description || [vendor, device].filter((part) => part !== '').join(' ') || 'an unnamed adapter',
    isSoftware: isFallbackAdapter,
    gpu,
    adapter,
  };
}

/**
 * Whether the system has a shared library. Without Vulkan's, Dawn finds no card on Linux, and says so by a warning on
 * standard error that reads like a failure; so it is not asked. Node refuses a library that is no addon of its own,
 * but only once it has been found and loaded.
 */
function isLoadable(library: string): boolean {
  try {
    process.dlopen({ exports: {} }, library);
    return true;
  } catch (error) {
    return !(error as Error).message.includes('cannot open shared object file');
  }
}

let started: Promise<void> | undefined;

/**
 * Makes tfjs's WebGPU backend on an adapter, with all kernels that training needs, the current one.
 *
 * WebGPU reports errors after the fact: an operation that is refused leaves zeros behind. So once anything was
 * refused, or the device was lost, every read from the backend throws, and nothing that was computed since
 * leaves it.
 *
 * @throws {Error} where tfjs would quietly fall back to another backend.
 */
export async function startWebgpuBackend(adapter: Adapter): Promise<void> {
  started ??= prepare(adapter);
  await started;
  await tf.setBackend('webgpu');
  if (tf.getBackend() !== 'webgpu') {
    throw new Error(`TensorFlow.js left its WebGPU backend for "${tf.getBackend()}".`);
  }
}

async function prepare({ gpu, adapter, name }: Adapter): Promise<void> {
  const { WebGPUBackend } = await import('@tensorflow/tfjs-backend-webgpu');
  const device = await adapter.requestDevice({
    requiredLimits: allLimits(adapter.limits),
    requiredFeatures: adapter.features.has('timestamp-query') ? ['timestamp-query'] : [],
  });
  const health = watch(device, name);

  /** Gives nothing out once something has failed. */
  class WatchedBackend extends WebGPUBackend {
    override async read(dataId: object): Promise<tf.BackendValues> {
      const values = await super.read(dataId);
      await health.check();
      return values;
    }
  }

  // Node has a navigator that cannot be replaced, only added to.
  Object.defineProperty(navigator, 'gpu', { value: gpu, configurable: true });
  tf.env().set('WEBGPU_USE_NAIVE_CONV2D_TRANSPOSE', false);
  tf.registerBackend('webgpu', () => new WatchedBackend(device, adapter.info), 3);
  replaceKernel('Conv2DBackpropFilter', conv2dBackpropFilter as unknown as tf.KernelFunc);
  registerActivationGradients();
  if (!(await tf.setBackend('webgpu'))) throw new Error('TensorFlow.js could not start its WebGPU backend.');
}

/** The default limits are those of the smallest device; a training step needs what this one has. */
function allLimits(limits: GPUSupportedLimits): Record<string, number> {
  const all: Record<string, number> = {};
  for (const name in limits) {
    const limit = limits[name as keyof GPUSupportedLimits];
    if (typeof limit === 'number') all[name] = limit;
  }
  return all;
}

function watch(device: GPUDevice, name: string): { check(): Promise<void> } {
  let failure: Error | undefined;
  device.addEventListener('uncapturederror', ({ error }) => {
    failure ??= new Error(`The GPU (${name}) refused an operation: ${error.message}`);
  });
  void device.lost.then(({ reason, message }) => {
    failure ??= new Error(`The GPU (${name}) was lost (${reason}): ${message}`);
  });
  return {
    async check() {
      // An error of what was just read is reported by now, but its listener may still wait for its turn.
      await new Promise((resolve) => setImmediate(resolve));
      if (failure !== undefined) throw failure;
    },
  };
}

function replaceKernel(kernelName: string, kernelFunc: tf.KernelFunc): void {
  const original = tf.getKernel(kernelName, 'webgpu');
  tf.unregisterKernel(kernelName, 'webgpu');
  tf.registerKernel({ ...original, kernelFunc });
}
