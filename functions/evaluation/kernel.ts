import { chooseKernel } from '@softmargin/shared/metrics/kernel/builds.ts';
import relaxedSimd from '@softmargin/shared/metrics/kernel/ranking-relaxed-simd.wasm';
import simd from '@softmargin/shared/metrics/kernel/ranking-simd.wasm';
import type { CompiledModule } from '@softmargin/shared/metrics/kernel/webassembly.ts';

/** The ranking kernel for this runtime. */
export const rankingKernel: CompiledModule = chooseKernel({
  relaxedSimd: () => relaxedSimd,
  simd: () => simd,
});
