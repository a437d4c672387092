import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chooseKernel } from '@softmargin/shared/metrics/kernel/builds.ts';
import { type CompiledModule, Module } from '@softmargin/shared/metrics/kernel/webassembly.ts';

const { resolve } = createRequire(import.meta.url);

/** The ranking kernel for this Node. */
export function loadKernel(): CompiledModule {
  return chooseKernel({
    relaxedSimd: () => compile('ranking-relaxed-simd.wasm'),
    simd: () => compile('ranking-simd.wasm'),
  });
}

function compile(file: string): CompiledModule {
  return new Module(readFileSync(resolve(`@softmargin/shared/metrics/kernel/${file}`)));
}
