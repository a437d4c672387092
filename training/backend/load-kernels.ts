import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { instantiateKernels, type NetworkKernels } from '@softmargin/shared/kernels/network-kernels.ts';
import { chooseKernel } from '@softmargin/shared/metrics/kernel/builds.ts';
import { type CompiledModule, type Memory, Module } from '@softmargin/shared/metrics/kernel/webassembly.ts';

const { resolve } = createRequire(import.meta.url);

/** The network kernels in their build for this Node, over a memory. */
export function loadKernels(memory: Memory): NetworkKernels {
  const module = chooseKernel({
    relaxedSimd: () => compile('network-relaxed-simd.wasm'),
    simd: () => compile('network-simd.wasm'),
  });
  return instantiateKernels(module, memory);
}

function compile(file: string): CompiledModule {
  return new Module(readFileSync(resolve(`@softmargin/shared/kernels/${file}`)));
}
