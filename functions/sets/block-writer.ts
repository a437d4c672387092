import { blockOf } from '@softmargin/shared/metrics/blocks.ts';
import { SetError } from '@softmargin/shared/sets/embedding-set.ts';
import { BLOCK_BYTES, MAX_BLOCK_ROWS } from '../limits.ts';
import { bytesOf, type ContentStore, putObject } from './content-store.ts';

/** Rows of a block: what fits its size, the same for every set of a dimension. */
export function rowsPerBlockOf(dimension: number): number {
  return Math.min(MAX_BLOCK_ROWS, Math.max(1, Math.floor(BLOCK_BYTES / (4 * dimension))));
}

/** Features that were stored as blocks. */
export interface StoredFeatures {
  readonly count: number;
  readonly dimension: number;
  /** SHA-256 of each block. */
  readonly blocks: readonly string[];
}

/** Turns features that come row by row into stored blocks. It holds one block, and another while it transposes. */
export class BlockWriter {
  readonly #store: ContentStore;
  readonly #dimension: number;
  readonly #rowsPerBlock: number;
  readonly #rows: Float32Array;
  readonly #blocks: string[] = [];
  #filled = 0;
  #rowsStored = 0;

  /** @param mostRows of the set, where they are known: a short one takes less than a whole block. */
  constructor(store: ContentStore, dimension: number, mostRows = Number.POSITIVE_INFINITY) {
    this.#store = store;
    this.#dimension = dimension;
    this.#rowsPerBlock = Math.min(mostRows, rowsPerBlockOf(dimension));
    this.#rows = new Float32Array(this.#rowsPerBlock * dimension);
  }

  /** Takes the next numbers, row-major. @throws {SetError} where one is not finite as a float32. */
  async write(values: Float32Array | Float64Array): Promise<void> {
    for (let start = 0; start < values.length; ) {
      const end = Math.min(values.length, start + this.#rows.length - this.#filled);
      this.#rows.set(values.subarray(start, end), this.#filled);
      this.#checkFinite(this.#filled, this.#filled + end - start);
      this.#filled += end - start;
      start = end;
      if (this.#filled === this.#rows.length) await this.#storeBlock(this.#rowsPerBlock);
    }
  }

  /** Stores what is left. @returns what was stored. */
  async end(): Promise<StoredFeatures> {
    if (this.#filled > 0) await this.#storeBlock(this.#filled / this.#dimension);
    return { count: this.#rowsStored, dimension: this.#dimension, blocks: this.#blocks };
  }

  async #storeBlock(count: number): Promise<void> {
    const { features } = blockOf({ dimension: this.#dimension, features: this.#rows }, 0, count);
    this.#blocks.push(await putObject(this.#store, bytesOf(features)));
    this.#rowsStored += count;
    this.#filled = 0;
  }

  #checkFinite(start: number, end: number): void {
    const rows = this.#rows;
    for (let i = start; i < end; i++) {
      if (Number.isFinite(rows[i])) continue;
      const row = this.#rowsStored + Math.floor(i / this.#dimension);
      throw new SetError(
        'features',
        `features[${row}][${i % this.#dimension}] is ${rows[i]}, not a finite float32.`,
      );
    }
  }
}
