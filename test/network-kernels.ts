import { readFileSync } from 'node:fs';
import type { KernelBuilds } from '../shared/metrics/kernel/builds.ts';
import { Module } from '../shared/metrics/kernel/webassembly.ts';

const compile = (name: string) =>
  new Module(readFileSync(new URL(`../shared/kernels/${name}.wasm`, import.meta.url)));

/** The builds of the network kernels as they are committed. */
export const networkKernelBuilds: KernelBuilds = {
  relaxedSimd: () => compile('network-relaxed-simd'),
  simd: () => compile('network-simd'),
};
