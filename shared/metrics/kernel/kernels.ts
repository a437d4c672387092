import { DistanceKernel } from './distance-kernel.ts';
import { RankingKernel } from './kernel.ts';
import type { CompiledModule } from './webassembly.ts';

/** What one build of the kernel can be used for, each made when it is first asked for, and kept. */
export class Kernels {
  readonly #module: CompiledModule;
  #ranking: RankingKernel | undefined;
  #distances: DistanceKernel | undefined;

  /** @param module a build of the ranking kernel; see `chooseKernel`. */
  constructor(module: CompiledModule) {
    this.#module = module;
  }

  /** Ranks embeddings, in float32. */
  get ranking(): RankingKernel {
    this.#ranking ??= new RankingKernel(this.#module);
    return this.#ranking;
  }

  /** Distances themselves, in float64. */
  get distances(): DistanceKernel {
    this.#distances ??= new DistanceKernel(this.#module);
    return this.#distances;
  }
}
