import { readFileSync } from 'node:fs';
import { type InferenceEngine, instantiateInferenceKernels } from '../shared/inference/inference-kernels.ts';
import { chooseKernel, type KernelBuilds } from '../shared/metrics/kernel/builds.ts';
import { type CompiledModule, Module } from '../shared/metrics/kernel/webassembly.ts';

const compile = (name: string) =>
  new Module(readFileSync(new URL(`../shared/inference/${name}.wasm`, import.meta.url)));

/** The builds of the inference kernels as they are committed. */
export const inferenceBuilds: KernelBuilds = {
  relaxedSimd: () => compile('inference-relaxed-simd'),
  simd: () => compile('inference-simd'),
};

/** Node's types leave it out. */
const { Memory } = (
  globalThis as unknown as {
    WebAssembly: {
      Memory: new (of: { initial: number }) => { buffer: ArrayBuffer; grow(pages: number): number };
    };
  }
).WebAssembly;

export interface CountedEngine extends InferenceEngine {
  /** The most bytes that were ever allocated together. */
  readonly mostBytes: number;
}

const PAGE = 65536;

/**
 * An engine over a memory of its own, which fills what it allocates with NaN, since nothing may rely on zeros,
 * unless its time counts.
 */
export function inferenceEngine(
  module: CompiledModule = chooseKernel(inferenceBuilds),
  isTimed = false,
): CountedEngine {
  const memory = new Memory({ initial: 1 });
  const blocks = new Map<number, number>();
  let most = 0;
  const heldBytes = () => [...blocks.values()].reduce((sum, length) => sum + length, 0);
  return {
    kernels: instantiateInferenceKernels(module, memory),
    memory,
    get heldBytes() {
      return heldBytes();
    },
    get mostBytes() {
      return most;
    },
    allocate(bytes) {
      // Behind all that is there. The first page stays free, so that 0 is nobody's address.
      const end = Math.max(PAGE, ...[...blocks].map(([address, length]) => address + length));
      const address = Math.ceil(end / 64) * 64;
      const missing = Math.ceil((address + bytes) / PAGE) - memory.buffer.byteLength / PAGE;
      if (missing > 0) memory.grow(missing);
      if (!isTimed) new Float32Array(memory.buffer, address, Math.ceil(bytes / 4)).fill(Number.NaN);
      blocks.set(address, bytes);
      most = Math.max(most, heldBytes());
      return address;
    },
    free(address) {
      if (!blocks.delete(address)) throw new Error(`Nothing is allocated at ${address}.`);
    },
  };
}
