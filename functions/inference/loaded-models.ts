import type { Bundle } from '@softmargin/shared/bundle/bundle.ts';
import { compiledFeatures } from '@softmargin/shared/inference/compiled-features.ts';
import type { InferenceEngine } from '@softmargin/shared/inference/inference-kernels.ts';
import { ServingModel } from '@softmargin/shared/models/serving.ts';
import { MAX_HEAP_MODEL_BYTES, MODEL_ROOM_MS } from '../limits.ts';
import type { Keeper, MemoryBudget } from './memory-budget.ts';
import { heapBytes, isByLayer, modelBytes } from './serving-memory.ts';

interface LoadedModel {
  readonly model: ServingModel;
  readonly weights: number;
  readonly maps: number;
  /** What of its bundle stays. */
  readonly tensors: number;
  /** Requests that embed with it now. */
  users: number;
}

/** A model on its way, and how many requests wait for it. */
interface Reading {
  readonly entry: Promise<LoadedModel>;
  /** Of the bundle, beside the heap. */
  bytes: number;
  waiting: number;
}

/**
 * The models that are loaded in this isolate, by a key that names their content. Those that nobody uses make room for
 * others, and for requests, the one used longest ago first. One that is in use stays, and who needs its room waits.
 */
export class LoadedModels implements Keeper {
  readonly #loaded = new Map<string, LoadedModel>();
  /** By key, what is being read: who asks for the same meanwhile waits for it. */
  readonly #reading = new Map<string, Reading>();
  readonly #engine: InferenceEngine;
  readonly #memory: MemoryBudget;
  readonly #heapLimit: number;

  /**
   * @param engine holds the weights and computes.
   * @param heapLimit bytes of weights and maps, all together.
   */
  constructor(engine: InferenceEngine, memory: MemoryBudget, heapLimit = MAX_HEAP_MODEL_BYTES) {
    this.#engine = engine;
    this.#memory = memory;
    this.#heapLimit = heapLimit;
    memory.models = this;
  }

  /** Keys of what is loaded, the one used longest ago first. */
  get keys(): string[] {
    return [...this.#loaded.keys()];
  }

  /** Bytes of bundles that are kept or being read, beside the heap. */
  get bytes(): number {
    let sum = 0;
    for (const { tensors } of this.#loaded.values()) sum += tensors;
    for (const { bytes } of this.#reading.values()) sum += bytes;
    return sum;
  }

  /** Lets go of the model with a bundle beside the heap that was used longest ago, if nobody uses it. */
  giveWay(): boolean {
    return this.#drop(({ tensors }) => tensors > 0);
  }

  /**
   * Runs `work` with the model under a key, whose bundle is read with `read` where it is not loaded yet.
   *
   * @param fileBytes of the bundle: room is made for them before it is read.
   * @throws {ApiError} 429 where other models are in use and there is no room beside them, 413 where there is none
   * beside what the request itself holds.
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
    }
  }

  /** Runs `work` with a model that is not kept. Its bundle is held by the request that has it. */
  async useOnce<R>(bundle: Bundle, work: (model: ServingModel) => Promise<R>): Promise<R> {
    const { weights, maps } = modelBytes(bundle);
    await this.#heapRoom(weights, maps);
    const model = ServingModel.load(bundle, compiledFeatures(this.#engine));
    try {
      return await work(model);
    } finally {
      model.dispose();
    }
  }

  #load(key: string, fileBytes: number, read: () => Promise<Bundle>): Promise<LoadedModel> {
    const known = this.#reading.get(key);
    if (known !== undefined) {
      known.waiting++;
      return known.entry;
    }
    const load = async () => {
      try {
        await this.#room(fileBytes, () => this.#memory.makeRoom(fileBytes));
        reading.bytes = fileBytes;
        const bundle = await read();
        const { weights, maps, tensors } = modelBytes(bundle);
        await this.#heapRoom(weights, maps);
        // Those that wait are its users from now on: another model's loading may not take it from them.
        const model = ServingModel.load(bundle, compiledFeatures(this.#engine));
        const kept = isByLayer(bundle.manifest) ? tensors : 0;
        const entry = { model, weights, maps, tensors: kept, users: reading.waiting };
        this.#loaded.set(key, entry);
        return entry;
      } finally {
        this.#reading.delete(key);
      }
    };
    const reading: Reading = { bytes: 0, waiting: 1, entry: Promise.resolve().then(load) };
    this.#reading.set(key, reading);
    return reading.entry;
  }

  /** Waits for room in the heap, for weights and for the maps of whichever model runs. */
  async #heapRoom(weights: number, maps: number): Promise<void> {
    await this.#room(weights + maps, () => {
      while (this.#heapWith(weights, maps) > this.#heapLimit) if (!this.#drop(() => true)) return false;
      const growth = heapBytes(this.#heapWith(weights, maps)) - this.#engine.memory.buffer.byteLength;
      return this.#memory.makeRoom(Math.max(0, growth));
    });
  }

  #heapWith(weights: number, maps: number): number {
    const all = [...this.#loaded.values(), { weights, maps }];
    const most = Math.max(...all.map((each) => each.maps));
    return all.reduce((sum, each) => sum + each.weights, most);
  }

  /** Each request looks for itself: one that waited for another's work would hang where that one is cancelled. */
  async #room(bytes: number, make: () => boolean): Promise<void> {
    const end = Date.now() + MODEL_ROOM_MS;
    while (!make()) {
      if (Date.now() >= end) {
        throw this.#memory.underWay === 1 ? this.#memory.tooLarge(bytes) : this.#memory.busy(bytes);
      }
      await scheduler.wait(MODEL_ROOM_MS / 100);
    }
  }

  #drop(which: (entry: LoadedModel) => boolean): boolean {
    for (const [key, entry] of this.#loaded) {
      if (entry.users > 0 || !which(entry)) continue;
      this.#loaded.delete(key);
      entry.model.dispose();
      return true;
    }
    return false;
  }
}
