import type { EmbeddingBlock } from '../blocks.ts';
import type { DistanceName } from '../distance.ts';
import type { ItemLists } from '../rank.ts';
import { type CompiledModule, type GlobalNumber, Instance, type Memory } from './webassembly.ts';

/** What `assembly/index.ts` exports. Addresses are in bytes and change when something is reserved. */
interface KernelExports {
  readonly memory: Memory;
  readonly staging: GlobalNumber;
  readonly querySquares: GlobalNumber;
  readonly biases: GlobalNumber;
  readonly starts: GlobalNumber;
  readonly items: GlobalNumber;
  readonly itemScores: GlobalNumber;
  readonly counts: GlobalNumber;
  readonly refusedRow: GlobalNumber;
  reserve(dimension: number, queries: number, rows: number, euclidean: number): void;
  reserveLists(length: number): void;
  packQueries(first: number, count: number): number;
  packGallery(count: number): number;
  locateBlock(start: number, count: number): void;
  countBlock(start: number, count: number): void;
  readonly scores: GlobalNumber;
  sweepItems(): number;
  scoreTile(query: number, first: number, count: number): void;
  finishCounts(): void;
}

/** Queries are packed by fours. */
const TILE = 4;

/**
 * The WebAssembly kernel that multiplies a block of queries by a block of the gallery and counts, for every
 * query, what stands before its correct matches. It keeps its memory and can be used again, for one run at a
 * time.
 *
 * A score is a float32 that orders one query's gallery: the higher, the nearer. It is
 * `(q · g) · scale(g) + bias(g)`, with the scale 1 / ‖g‖ for the cosine and the bias −‖g‖² / 2 for Euclidean
 * distances; the product is summed in the order of the dimensions. So it is a function of the two vectors
 * alone, to the last bit.
 */
export class RankingKernel {
  readonly #kernel: KernelExports;
  #dimension = 0;
  #rows = 0;
  #queries = 0;
  #entries = 0;

  constructor(module: CompiledModule) {
    this.#kernel = new Instance(module).exports as unknown as KernelExports;
  }

  /** Bytes of memory that it holds. */
  get bytes(): number {
    return this.#kernel.memory.buffer.byteLength;
  }

  /**
   * Starts a run: takes the queries, and makes room for gallery blocks of up to `rowsPerBlock` rows.
   *
   * @throws {RangeError} where a query is too long for Euclidean distances in float32.
   */
  begin(queries: EmbeddingBlock, rowsPerBlock: number, distance: DistanceName): void {
    const { count, dimension, features } = queries;
    this.#dimension = dimension;
    this.#queries = count;
    this.#rows = Math.max(TILE, rowsPerBlock);
    this.#kernel.reserve(dimension, count, this.#rows, Number(distance !== 'cosine'));
    const atOnce = this.#rows - (this.#rows % TILE);
    for (let first = 0; first < count; first += atOnce) {
      const rows = Math.min(atOnce, count - first);
      const staging = this.#floats(this.#kernel.staging, dimension * rows);
      for (let k = 0; k < dimension; k++) {
        const start = k * count + first;
        staging.set(features.subarray(start, start + rows), k * rows);
      }
      if (!this.#kernel.packQueries(first, rows)) this.#refuse('query', queries.start);
    }
  }

  /** Squared length of each query as its scores have it; see `distanceOf`. */
  querySquares(): Float64Array {
    const { memory, querySquares } = this.#kernel;
    return new Float64Array(memory.buffer, querySquares.value, this.#queries).slice();
  }

  /** Takes lists of gallery items, one a query, in place of the ones before. All counts are 0. */
  setLists({ starts, items }: ItemLists, scores?: Float32Array): void {
    this.#entries = items.length;
    this.#kernel.reserveLists(items.length);
    this.#integers(this.#kernel.starts, starts.length).set(starts);
    this.#integers(this.#kernel.items, items.length).set(items);
    if (scores !== undefined) this.#floats(this.#kernel.itemScores, items.length).set(scores);
    this.#integers(this.#kernel.counts, items.length).fill(0);
  }

  /**
   * Takes a block of the gallery in place of the one before.
   *
   * @param drops whether a gallery item is in nobody's list.
   * @throws {RangeError} where the block does not fit, or an item is too long for Euclidean distances.
   */
  setBlock({ start, count, dimension, features }: EmbeddingBlock, drops: (item: number) => boolean): void {
    if (dimension !== this.#dimension) {
      throw new RangeError(`Queries have ${this.#dimension} dimensions, the gallery block ${dimension}.`);
    }
    if (count > this.#rows || features.length !== count * dimension) {
      throw new RangeError(
        `A gallery block of ${count} rows has ${features.length} numbers; up to ${this.#rows} rows of ${dimension} are expected.`,
      );
    }
    this.#floats(this.#kernel.staging, features.length).set(features);
    if (!this.#kernel.packGallery(count)) this.#refuse('gallery item', start);
    const biases = this.#floats(this.#kernel.biases, count);
    for (let j = 0; j < count; j++) {
      if (drops(start + j)) biases[j] = Number.NEGATIVE_INFINITY;
    }
  }

  /** Finds the scores of the list entries in the block. Lists ascend by item. */
  locate({ start, count }: EmbeddingBlock): void {
    this.#kernel.locateBlock(start, count);
  }

  /** The scores of all list entries. */
  scores(): Float32Array {
    return this.#floats(this.#kernel.itemScores, this.#entries).slice();
  }

  /**
   * Counts the items of the block that stand before each list entry. Lists are by score, the highest first,
   * and by item where scores are equal.
   */
  count({ start, count }: EmbeddingBlock): void {
    this.#kernel.countBlock(start, count);
  }

  /**
   * Gives the scores of every query with the items of the block, in pieces of consecutive items: of each query in
   * ascending order.
   *
   * @param take is told the query, counted from the first, and the item that the piece begins with. The scores are
   *   valid until it returns.
   */
  eachRow(
    { start, count }: EmbeddingBlock,
    take: (query: number, item: number, scores: Float32Array) => void,
  ): void {
    const { memory, scores } = this.#kernel;
    const sweep = this.#kernel.sweepItems();
    for (let first = 0; first < count; first += sweep) {
      const items = Math.min(sweep, count - first);
      const rows = Array.from({ length: TILE }, (_, lane) => {
        return new Float32Array(memory.buffer, scores.value + 4 * sweep * lane, items);
      });
      for (let q = 0; q < this.#queries; q += TILE) {
        this.#kernel.scoreTile(q, first, items);
        const last = Math.min(this.#queries, q + TILE);
        for (let query = q; query < last; query++) take(query, start + first, rows[query - q]);
      }
    }
  }

  /** The counts of all list entries, once all blocks have been counted. */
  counts(): Int32Array {
    this.#kernel.finishCounts();
    return this.#integers(this.#kernel.counts, this.#entries).slice();
  }

  #refuse(what: string, start: number): never {
    throw new RangeError(
      `The length of ${what} ${start + this.#kernel.refusedRow.value} is above 2^60: its Euclidean distances are beyond float32.`,
    );
  }

  #floats(address: GlobalNumber, length: number): Float32Array {
    return new Float32Array(this.#kernel.memory.buffer, address.value, length);
  }

  #integers(address: GlobalNumber, length: number): Int32Array {
    return new Int32Array(this.#kernel.memory.buffer, address.value, length);
  }
}
