import type { Bundle } from '@softmargin/shared/bundle/bundle.ts';
import { compiledFeatures } from '@softmargin/shared/inference/compiled-features.ts';
import type { InferenceEngine } from '@softmargin/shared/inference/inference-kernels.ts';
import { ServingModel } from '@softmargin/shared/models/serving.ts';
import { MAX_LOADED_MODEL_BYTES } from '../limits.ts';
import { loadingBytes, servingBytes } from './serving-memory.ts';

interface LoadedModel {
  readonly model: ServingModel;
  readonly bytes: number;
  /** Requests that embed with it now. */
  users: number;
}

/** A model on its way, and how many requests wait for it. */
interface Reading {
  readonly entry: Promise<LoadedModel>;
  waiting: number;
}

/**
 * The models that are loaded in this isolate, by a key that names their content. The ones used longest ago
 * make room for others; one that is in use is disposed when its last user is done.
 */
export class LoadedModels {
  readonly #loaded = new Map<string, LoadedModel>();
  /** By key, what is being read: who asks for the same meanwhile waits for it. */
  readonly #reading = new Map<string, Reading>();
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

  /** Memory of what is loaded, as `servingBytes` reckons it. */
  get bytes(): number {
    return [...this.#loaded.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /**
   * Runs `work` with the model under a key, whose bundle is read with `read` where it is not loaded yet.
   *
   * @param fileBytes of the bundle: room is made for them before it is read.
   */
  async use<R>(
    key: string,
    fileBytes: number,
    read: () => Promise<Bundle>,
    work: (model: ServingModel) => Promise<R>,
  ): Promise<R> {
    let entry = this.#loaded.get(key);
    if (entry === undefined) {
      entry = await this.#load(key, fileBytes, read);
    } else {
      this.#loaded.delete(key);
      this.#loaded.set(key, entry);
      entry.users++;
    }
    try {
      return await work(entry.model);
    } finally {
      entry.users--;
      if (entry.users === 0 && this.#loaded.get(key) !== entry) entry.model.dispose();
    }
  }

  /** Lets go of the models used longest ago until there is room for so many bytes more. */
  makeRoom(bytes: number): void {
    let total = this.bytes + bytes;
    for (const [key, entry] of this.#loaded) {
      if (total <= this.#limit) return;
      this.#loaded.delete(key);
      total -= entry.bytes;
      if (entry.users === 0) entry.model.dispose();
    }
  }

  #load(key: string, fileBytes: number, read: () => Promise<Bundle>): Promise<LoadedModel> {
    const known = this.#reading.get(key);
    if (known !== undefined) {
      known.waiting++;
      return known.entry;
    }
    this.makeRoom(fileBytes);
    const load = async () => {
      try {
        const bundle = await read();
        this.makeRoom(loadingBytes(bundle));
        // Those that wait are its users from now on: another model's loading may not take it from them.
        const model = ServingModel.load(bundle, compiledFeatures(this.#engine));
        const entry = { model, bytes: servingBytes(bundle), users: reading.waiting };
        this.#loaded.set(key, entry);
        return entry;
      } finally {
        this.#reading.delete(key);
      }
    };
    const reading: Reading = { entry: load(), waiting: 1 };
    this.#reading.set(key, reading);
    return reading.entry;
  }
}
