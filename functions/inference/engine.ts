import {
  type InferenceEngine,
  instantiateInferenceKernels,
} from '@softmargin/shared/inference/inference-kernels.ts';
import relaxedSimd from '@softmargin/shared/inference/inference-relaxed-simd.wasm';
import simd from '@softmargin/shared/inference/inference-simd.wasm';
import { chooseKernel } from '@softmargin/shared/metrics/kernel/builds.ts';

/** The allocator of an Emscripten module. */
export interface Heap {
  _malloc(bytes: number): number;
  _free(address: number): void;
}

/** The inference kernels in their build for this runtime, over the heap of tfjs's WASM. */
export function createEngine(heap: Heap, memory: WebAssembly.Memory): InferenceEngine {
  const module = chooseKernel({ relaxedSimd: () => relaxedSimd, simd: () => simd });
  const held = new Map<number, number>();
  return {
    kernels: instantiateInferenceKernels(module, memory),
    memory,
    get heldBytes() {
      return [...held.values()].reduce((sum, bytes) => sum + bytes, 0);
    },
    allocate(bytes) {
      const address = heap._malloc(bytes) >>> 0;
      if (address === 0) throw new Error(`The WASM heap has no ${bytes} bytes left.`);
      held.set(address, bytes);
      return address;
    },
    free(address) {
      held.delete(address);
      heap._free(address);
    },
  };
}
