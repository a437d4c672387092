import type { Bundle } from '@softmargin/shared/bundle/bundle.ts';
import type { InferenceEngine } from '@softmargin/shared/inference/inference-kernels.ts';
import { ServingModel } from '@softmargin/shared/models/serving.ts';
import { MAX_LOADED_MODEL_BYTES } from '../limits.ts';

interface LoadedModel {
  readonly model: ServingModel;
  readonly bytes: number;
  /** Requests that embed with it now. */
  users: number;
}

/**
 * The models that are loaded in this isolate, by a key that names their content. The ones used longest ago
 * make room for others; one that is in use is disposed when its last user is done.
 */
export class LoadedModels {
  readonly #loaded = new Map<string, LoadedModel>();
  readonly #engine: InferenceEngine;
  readonly #limit: number;

  /** @param engine holds the weights and computes. */
  constructor(engine: InferenceEngine, limit = MAX_LOADED_MODEL_BYTES) {
    this.#engine = engine;
    this.#limit = limit;
  }

  /** Keys of what is loaded, the one used longest ago first. */
  get keys(): string[] {
    return [...this.#loaded.keys()];
  }

  /**
   * Runs `work` with the model under a key, whose bundle is read with `read` where it is not loaded yet.
   */
  async use<R>(
    key: string,
    read: () => Promise<{ bundle: Bundle; bytes: number }>,
    work: (model: ServingModel) => Promise<R>,
  ): Promise<R> {
    let entry = this.#loaded.get(key);
    if (entry === undefined) {
      const { bundle, bytes } = await read();
      // Another request may have loaded it while this one was reading.
      entry = this.#loaded.get(key) ?? { model: ServingModel.load(bundle, this.#engine), bytes, users: 0 };
    }
    this.#loaded.delete(key);
    this.#loaded.set(key, entry);
    entry.users++;
    this.#makeRoom();
    try {
      return await work(entry.model);
    } finally {
      entry.users--;
      if (entry.users === 0 && this.#loaded.get(key) !== entry) entry.model.dispose();
    }
  }

  #makeRoom(): void {
    let total = [...this.#loaded.values()].reduce((sum, { bytes }) => sum + bytes, 0);
    for (const [key, entry] of this.#loaded) {
      if (total <= this.#limit || this.#loaded.size === 1) return;
      this.#loaded.delete(key);
      total -= entry.bytes;
      if (entry.users === 0) entry.model.dispose();
    }
  }
}
