import { availableParallelism } from 'node:os';
import type { PreprocessingRule } from '@softmargin/shared/images/preprocess.ts';
import type { Augmentation } from '../augmentation/augmentation.ts';
import type { Dataset } from '../datasets/dataset.ts';
import type { Sampler } from '../sampling/sampler.ts';
import type { BatchTask } from './batch-worker.ts';
import { type Batch, BatchPreparation, type BatchSettings, type PreparedBatch } from './prepare-batch.ts';
import { WorkerPool } from './worker-pool.ts';

export interface BatchLoaderOptions {
  readonly dataset: Dataset;
  readonly sampler: Sampler;
  /** Nothing is done to the pictures without it. */
  readonly augmentation?: Augmentation;
  /** Input size and normalisation, as the bundle will say them: the service prepares pictures the same way. */
  readonly rule: PreprocessingRule;
  /** Decides the augmentation; batches are the sampler's, by its own seed. */
  readonly seed: number;
  /** The first batch that `next` gives: of a run that is resumed, the steps it had taken. 0 by default. */
  readonly firstStep?: number;
  /** The step before which batches end; there is no end by default. */
  readonly endStep?: number;
  /** Threads that decode and augment; 0 does it on the caller's. One for each core but one by default. */
  readonly workers?: number;
  /** Batches that are made ahead of the one being waited for. Two for each worker by default. */
  readonly prefetch?: number;
  /**
   * What takes the place of a broken picture: the next picture of its identity (`replace`, for training), or
   * nothing, so that the batch is smaller (`leave-out`, for embedding a set). `replace` by default.
   */
  readonly broken?: 'replace' | 'leave-out';
  /** Broken pictures that the run puts up with before it stops. 10 by default. */
  readonly brokenLimit?: number;
  /** Told of each broken picture once, when the batch that met it is handed out. */
  readonly onBroken?: (path: string, reason: string) => void;
}

const BROKEN_LIMIT = 10;

/**
 * Batches in the order of their steps, decoded and augmented ahead of the loop in threads of their own. A
 * batch depends on the data set, the settings, the seed and its step alone: not on the number of threads,
 * nor on where the run started.
 */
export class BatchLoader implements AsyncDisposable {
  readonly #sampler: Sampler;
  readonly #endStep: number;
  readonly #prefetch: number;
  readonly #pool: WorkerPool<BatchTask, PreparedBatch> | undefined;
  readonly #prepare: (step: number, items: Int32Array) => Promise<PreparedBatch>;
  readonly #ahead: Promise<PreparedBatch>[] = [];
  readonly #broken = new Map<string, string>();
  readonly #brokenLimit: number;
  readonly #onBroken: (path: string, reason: string) => void;
  #step: number;
  #waitedSeconds = 0;

  constructor(options: BatchLoaderOptions) {
    const workers = options.workers ?? Math.max(1, availableParallelism() - 1);
    this.#sampler = options.sampler;
    this.#step = options.firstStep ?? 0;
    this.#endStep = options.endStep ?? Number.POSITIVE_INFINITY;
    this.#prefetch = workers === 0 ? 0 : (options.prefetch ?? 2 * workers);
    this.#brokenLimit = options.brokenLimit ?? BROKEN_LIMIT;
    this.#onBroken = options.onBroken ?? (() => {});
    const settings: BatchSettings = {
      dataset: shared(options.dataset),
      augmentation: options.augmentation ?? {},
      rule: { input: options.rule.input, preprocessing: options.rule.preprocessing },
      seed: options.seed,
      broken: options.broken ?? 'replace',
      brokenLimit: this.#brokenLimit,
    };
    if (workers === 0) {
      const preparation = new BatchPreparation(settings);
      this.#prepare = (step, items) => preparation.prepare(step, items);
    } else {
      const pool = new WorkerPool<BatchTask, PreparedBatch>(
        new URL('batch-worker.ts', import.meta.url),
        workers,
        settings,
      );
      this.#pool = pool;
      this.#prepare = (step, items) => pool.run({ step, items });
    }
    this.#fill(this.#prefetch);
  }

  /** Seconds that `next` has waited for batches since the start: time in which the loop could not go on. */
  get waitedSeconds(): number {
    return this.#waitedSeconds;
  }

  /** The pictures found broken so far: what was wrong with each, by its path. */
  get broken(): ReadonlyMap<string, string> {
    return this.#broken;
  }

  /**
   * The next batch.
   *
   * @throws {Error} if there are more broken pictures than the limit, naming them; if a thread failed.
   * @throws {RangeError} after the last step.
   */
  async next(): Promise<Batch> {
    const started = performance.now();
    this.#fill(this.#prefetch + 1);
    const first = this.#ahead.shift();
    if (first === undefined) throw new RangeError(`The batches end before step ${this.#endStep}.`);
    this.#pool?.hold(true);
    try {
      const { broken, ...batch } = await first;
      this.#report(broken);
      return batch;
    } finally {
      this.#pool?.hold(false);
      this.#waitedSeconds += (performance.now() - started) / 1000;
    }
  }

  /** Ends the threads; batches that were made ahead are dropped. */
  async close(): Promise<void> {
    await this.#pool?.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #fill(length: number): void {
    while (this.#ahead.length < length && this.#step < this.#endStep) {
      const batch = this.#prepare(this.#step, this.#sampler.batch(this.#step));
      // A batch that failed is an error when it is asked for, and not before.
      batch.catch(() => {});
      this.#ahead.push(batch);
      this.#step++;
    }
  }

  #report(broken: ReadonlyMap<string, string>): void {
    for (const [path, reason] of broken) {
      if (this.#broken.has(path)) continue;
      this.#broken.set(path, reason);
      this.#onBroken(path, reason);
    }
    if (this.#broken.size > this.#brokenLimit) {
      const named = Array.from(this.#broken, ([path, reason]) => `  ${path}: ${reason}`).join('\n');
      throw new Error(
        `${this.#broken.size} pictures are broken, and the limit is ${this.#brokenLimit}:\n${named}`,
      );
    }
  }
}

/** The data set with its pixels where all threads see them: copying them to each would take their memory. */
function shared(dataset: Dataset): Dataset {
  if ('paths' in dataset) return dataset;
  const pixels = new Uint8Array(new SharedArrayBuffer(dataset.pixels.length));
  pixels.set(dataset.pixels);
  return { ...dataset, pixels };
}
