import { readFileSync } from 'node:fs';
import { chooseKernel, type KernelBuilds } from '../shared/metrics/kernel/builds.ts';

const compile = (name: string) =>
  new Module(readFileSync(new URL(`../shared/metrics/kernel/${name}.wasm`, import.meta.url)));

import { type CompiledModule, Module } from '../shared/metrics/kernel/webassembly.ts';

/** The builds of the ranking kernel as they are committed. */
export const kernelBuilds: KernelBuilds = {
  relaxedSimd: () => compile('ranking-relaxed-simd'),
  simd: () => compile('ranking-simd'),
};

/** The ranking kernel for this Node. */
export const kernel: CompiledModule = chooseKernel(kernelBuilds);
