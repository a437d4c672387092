import type { EmbeddingBlock } from '../blocks.ts';
import type { DistanceName } from '../distance.ts';
import type { GalleryDistances } from '../gallery-distances.ts';
import { type CompiledModule, type GlobalNumber, Instance, type Memory } from './webassembly.ts';

/** What `assembly/index.ts` exports for distances. Addresses are in bytes and change when something is reserved. */
interface DistanceExports {
  readonly memory: Memory;
  readonly staging: GlobalNumber;
  readonly group: GlobalNumber;
  readonly groupSquares: GlobalNumber;
  readonly distances: GlobalNumber;
  reserveDistances(dimension: number, rows: number, euclidean: number): void;
  packItems(count: number): void;
  distanceRows(count: number): void;
  distanceOf(query: number, item: number): number;
}

/** Queries whose rows are made together, and the queries of a tile, as `assembly/layout.ts` has them. */
const GROUP = 8;
const TILE = 4;
/** Items of a panel: a row is made of whole ones. */
const PANEL = 8;

/**
 * The kernel's distances in double precision between a block of queries and blocks of the gallery, for what needs
 * distances themselves, pair by pair: tracks, single-shot galleries, counts of pairs, re-ranking. Euclidean
 * distances are squared, which orders the same.
 *
 * A product of two float32 is exact in double precision, and products are summed in the order of the dimensions. So
 * the distance of a pair is the same to the last bit whatever block it is found in and whatever machine or build
 * computes it, and equal vectors are at distances that are exactly equal.
 *
 * It keeps its memory and can be used again, for one reading of a gallery at a time.
 */
export class DistanceKernel {
  readonly #kernel: DistanceExports;
  #queries: EmbeddingBlock = { start: 0, count: 0, dimension: 0, features: new Float32Array() };
  #querySquares: Float64Array = new Float64Array();
  #rowsPerBlock = 0;
  /** Counts what was taken, queries or a block: distances to what was taken before are no longer here. */
  #taken = 0;
  /** The group whose queries are there, and the one whose rows are; −1 where none are. */
  #packed = -1;
  #multiplied = -1;

  /** @param module a build of the ranking kernel; see `chooseKernel`. */
  constructor(module: CompiledModule) {
    this.#kernel = new Instance(module).exports as unknown as DistanceExports;
  }

  /** Bytes of memory that it holds. */
  get bytes(): number {
    return this.#kernel.memory.buffer.byteLength;
  }

  /** What it takes for blocks of up to `rows` rows of `dimension` numbers, but for less than a page of 64 KiB. */
  static bytes(dimension: number, rows: number): number {
    const width = Math.ceil(rows / PANEL) * PANEL;
    return 4 * dimension * (rows + width) + 8 * GROUP * dimension + 8 * width * (GROUP + 1);
  }

  /** Starts a reading of a gallery in blocks of up to `rowsPerBlock` rows. */
  begin(queries: EmbeddingBlock, rowsPerBlock: number, distance: DistanceName): void {
    this.#queries = queries;
    this.#querySquares = squaredNorms(queries);
    this.#rowsPerBlock = rowsPerBlock;
    this.#kernel.reserveDistances(queries.dimension, rowsPerBlock, Number(distance !== 'cosine'));
    this.#forget();
  }

  /**
   * Distances to the items of a block, until the next is taken. Queries are named by their index in the set.
   *
   * @throws {RangeError} where the block does not fit.
   */
  to({ start, count, dimension, features }: EmbeddingBlock): GalleryDistances {
    if (dimension !== this.#queries.dimension) {
      throw new RangeError(
        `Queries have ${this.#queries.dimension} dimensions, the gallery block ${dimension}.`,
      );
    }
    if (count > this.#rowsPerBlock || features.length !== count * dimension) {
      throw new RangeError(
        `A gallery block of ${count} rows has ${features.length} numbers; up to ${this.#rowsPerBlock} rows of ${dimension} are expected.`,
      );
    }
    const { memory, staging, distances } = this.#kernel;
    new Float32Array(memory.buffer, staging.value, features.length).set(features);
    this.#kernel.packItems(count);
    const taken = this.#forget();
    const width = Math.ceil(count / PANEL) * PANEL;
    const rows = Array.from({ length: GROUP }, (_, lane) => {
      return new Float64Array(memory.buffer, distances.value + 8 * lane * width, count);
    });
    const lane = (query: number) => {
      if (taken !== this.#taken) throw new Error('Distances are asked of a block that another has followed.');
      const index = query - this.#queries.start;
      this.#pack(index - (index % GROUP));
      return index % GROUP;
    };
    return {
      start,
      count,
      pair: (query, item) => this.#kernel.distanceOf(lane(query), item - start),
      row: (query) => {
        const row = rows[lane(query)];
        if (this.#multiplied !== this.#packed) {
          this.#kernel.distanceRows(count);
          this.#multiplied = this.#packed;
        }
        return row;
      },
    };
  }

  #forget(): number {
    this.#multiplied = -1;
    this.#packed = -1;
    return ++this.#taken;
  }

  /** Lays out the queries from `first` on, by tiles; where there are none, zeros. */
  #pack(first: number): void {
    if (first === this.#packed) return;
    const { count, dimension, features } = this.#queries;
    const { memory, group, groupSquares } = this.#kernel;
    const numbers = new Float64Array(memory.buffer, group.value, GROUP * dimension).fill(0);
    const present = Math.min(GROUP, count - first);
    for (let k = 0; k < dimension; k++) {
      for (let lane = 0; lane < present; lane++) {
        const tile = (lane - (lane % TILE)) * dimension;
        numbers[tile + k * TILE + (lane % TILE)] = features[k * count + first + lane];
      }
    }
    new Float64Array(memory.buffer, groupSquares.value, present).set(
      this.#querySquares.subarray(first, first + present),
    );
    this.#packed = first;
  }
}

/** Σ_k x_k² of every row, in the same order as products are summed. */
export function squaredNorms({ count, dimension, features }: EmbeddingBlock): Float64Array {
  const squares = new Float64Array(count);
  for (let k = 0; k < dimension; k++) {
    for (let j = 0; j < count; j++) squares[j] += features[k * count + j] ** 2;
  }
  return squares;
}
