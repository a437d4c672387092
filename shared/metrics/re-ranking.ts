import type { EmbeddingSet } from '../sets/embedding-set.ts';
import type { EmbeddingBlock } from './blocks.ts';
import type { DistanceName } from './distance.ts';
import { type DistanceSource, QUERIES_PER_SHARD } from './evaluate-sets.ts';
import type { GalleryDistances } from './gallery-distances.ts';
import { JointSet } from './joint-set.ts';
import { nearestNeighbours } from './nearest-neighbours.ts';
import { gallerySource, ROWS_PER_BLOCK, readDistances } from './read-distances.ts';
import { InvertedRows, SparseRows, sumOfMinima } from './sparse-rows.ts';

export interface ReRankingOptions {
  /** Neighbours among which reciprocal ones are looked for. */
  readonly k1: number;
  /** Neighbours whose encodings are averaged: local query expansion. 1 is none. */
  readonly k2: number;
  /** Share of the original distance in the final one. */
  readonly lambda: number;
}

/** The paper's choice. */
export const reRankingDefaults: ReRankingOptions = { k1: 20, k2: 6, lambda: 0.3 };

/** Re-ranking that would not fit the memory that it may take. */
export class ReRankingMemoryError extends Error {
  override readonly name = 'ReRankingMemoryError';
  readonly limitBytes: number;
  readonly neededBytes: number;

  constructor(limitBytes: number, neededBytes: number, what: string) {
    super(`Re-ranking ${what} needs ${neededBytes} bytes of memory; the limit is ${limitBytes} bytes.`);
    this.limitBytes = limitBytes;
    this.neededBytes = neededBytes;
  }
}

/** The most that is needed at any time beside the two sets, by what is known before. */
export function reRankingBytes(
  queries: number,
  gallery: number,
  dimension: number,
  options: ReRankingOptions,
): number {
  const count = queries + gallery;
  const { neighbours, encoded, expanded } = capacities(count, options);
  const kept = 4 * count * neighbours + 8 * count + SparseRows.bytes(count, encoded);
  // Features of two blocks, once as floats and once as the distances of a row.
  const blocks =
    4 * dimension * (QUERIES_PER_SHARD + ROWS_PER_BLOCK) + 24 * ROWS_PER_BLOCK + 8 * QUERIES_PER_SHARD;
  const finding = 12 * QUERIES_PER_SHARD * neighbours + 8 * QUERIES_PER_SHARD;
  const ranking =
    SparseRows.bytes(QUERIES_PER_SHARD + ROWS_PER_BLOCK, expanded) +
    InvertedRows.bytes(ROWS_PER_BLOCK, expanded, count) +
    8 * count;
  return kept + blocks + Math.max(finding, ranking);
}

/** The most columns there can be in a row of each kind. */
function capacities(count: number, { k1, k2 }: ReRankingOptions) {
  const reciprocal = Math.min(count, k1 + 1);
  // The neighbours of a reciprocal neighbour join where more than two thirds of them are there already:
  // fewer than a third are new.
  const joined = Math.ceil((roundHalfToEven(k1 / 2) + 1) / 3) - 1;
  const encoded = Math.min(count, reciprocal * (1 + joined));
  return {
    neighbours: Math.min(count, Math.max(k1 + 1, k2)),
    encoded,
    expanded: Math.min(count, k2 * encoded),
  };
}

/**
 * k-reciprocal re-ranking (Zhong, Zheng, Cao and Li, "Re-ranking Person Re-identification with k-reciprocal
 * Encoding", CVPR 2017), exact, to the figures of the authors' program:
 *
 * - Queries and gallery are one set. The original distance of i and j is the square of d(i, j), divided by
 *   the largest that i has to anything.
 * - R(i, k): of the k + 1 nearest of i (itself among them), those that have i among their k + 1 nearest.
 *   R*(i) is R(i, k1) and, for every c in it, R(c, k1 / 2) where more than two thirds of it are in R(i, k1).
 * - i is encoded as the weights exp(−original distance) of R*(i), which sum to one; then as the mean of the
 *   encodings of its k2 nearest.
 * - The Jaccard distance of two encodings is 1 − s / (2 − s), where s sums the smaller of the two weights;
 *   the final distance is (1 − λ) · Jaccard + λ · original.
 *
 * Of two items at one distance, the lower index is the nearer, queries before gallery. Where all of a row
 * are at distance 0, so are the original distances.
 *
 * The matrix of all pairs is never there: encodings are sparse rows whose length is bounded by k1 and k2,
 * and final distances are made a tile at a time, as the ranking asks for them.
 *
 * @throws {ReRankingMemoryError} before anything is computed, if it would take more than `maxBytes`.
 */
export async function reRank(
  queries: EmbeddingSet,
  gallery: EmbeddingSet,
  distance: DistanceName,
  options: ReRankingOptions,
  maxBytes: number,
  progress?: (done: number, total: number) => void,
): Promise<DistanceSource> {
  checkOptions(options);
  const needed = reRankingBytes(queries.count, gallery.count, queries.dimension, options);
  if (needed > maxBytes) {
    const { k1, k2 } = options;
    const what = `${queries.count} queries and ${gallery.count} gallery items of ${queries.dimension} dimensions (k1 = ${k1}, k2 = ${k2})`;
    throw new ReRankingMemoryError(maxBytes, needed, what);
  }
  const encodings = await Encodings.of(queries, gallery, distance, options, progress);
  return (block) => encodings.read(block, gallery);
}

function checkOptions({ k1, k2, lambda }: ReRankingOptions): void {
  for (const [name, value] of [
    ['k1', k1],
    ['k2', k2],
  ] as const) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(`${name} is ${value}, not a whole number from 1 on.`);
    }
  }
  if (!(lambda >= 0 && lambda <= 1)) throw new RangeError(`lambda is ${lambda}, not from 0 to 1.`);
}

/** The encodings of a query set and a gallery set by their k-reciprocal neighbours. */
class Encodings {
  readonly #queryCount: number;
  readonly #distance: DistanceName;
  readonly #options: ReRankingOptions;
  /** The nearest of every item, and how many there are of each. */
  readonly #nearest: Int32Array;
  readonly #nearestCount: number;
  /** The largest original distance of every item before it is divided by that. */
  readonly #furthest: Float64Array;
  readonly #rows: SparseRows;
  readonly #expandedCapacity: number;
  /** Scratch: one number for every item, zero between calls. */
  readonly #sums: Float64Array;

  private constructor(
    joint: JointSet,
    queryCount: number,
    distance: DistanceName,
    options: ReRankingOptions,
  ) {
    const { count } = joint;
    const { neighbours, encoded, expanded } = capacities(count, options);
    this.#queryCount = queryCount;
    this.#distance = distance;
    this.#options = options;
    this.#nearestCount = neighbours;
    this.#nearest = new Int32Array(count * neighbours);
    this.#furthest = new Float64Array(count);
    this.#rows = new SparseRows(count, encoded);
    this.#expandedCapacity = expanded;
    this.#sums = new Float64Array(count);
  }

  static async of(
    queries: EmbeddingSet,
    gallery: EmbeddingSet,
    distance: DistanceName,
    options: ReRankingOptions,
    progress?: (done: number, total: number) => void,
  ): Promise<Encodings> {
    const joint = new JointSet(queries, gallery);
    const encodings = new Encodings(joint, queries.count, distance, options);
    await encodings.#findNeighbours(joint, progress);
    await encodings.#encode(joint);
    return encodings;
  }

  async #findNeighbours(joint: JointSet, progress?: (done: number, total: number) => void): Promise<void> {
    const { count } = joint;
    const source = {
      count,
      rowsPerBlock: ROWS_PER_BLOCK,
      read(block: number) {
        const start = block * ROWS_PER_BLOCK;
        return joint.range(start, Math.min(ROWS_PER_BLOCK, count - start));
      },
    };
    for (let start = 0; start < count; start += QUERIES_PER_SHARD) {
      const block = joint.range(start, Math.min(QUERIES_PER_SHARD, count - start));
      const reader = readDistances(this.#distance, block, source);
      const { items, furthest } = await nearestNeighbours(block, this.#nearestCount, reader);
      this.#nearest.set(items, start * this.#nearestCount);
      this.#furthest.set(furthest.map(this.#squared), start);
      progress?.(start + block.count, count);
    }
  }

  async #encode(joint: JointSet): Promise<void> {
    for (let item = 0; item < joint.count; item++) {
      const members = this.#reciprocalExpansion(item);
      const weights: number[] = [];
      const reader = readDistances(this.#distance, joint.range(item, 1), {
        count: members.length,
        rowsPerBlock: Math.max(1, members.length),
        read: () => joint.block(members, 0),
      });
      for await (const block of reader(() => true)) {
        for (const value of block.row(item)) weights.push(Math.exp(-this.#original(item, value)));
      }
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      this.#rows.set(item, members, (_, place) => weights[place] / total);
    }
  }

  /** R*(item), ascending. */
  #reciprocalExpansion(item: number): number[] {
    const { k1 } = this.#options;
    const half = roundHalfToEven(k1 / 2);
    const reciprocal = this.#reciprocal(item, k1);
    const known = new Set(reciprocal);
    const expansion = new Set(reciprocal);
    for (const candidate of reciprocal) {
      const theirs = this.#reciprocal(candidate, half);
      const shared = theirs.filter((each) => known.has(each)).length;
      if (3 * shared > 2 * theirs.length) for (const each of theirs) expansion.add(each);
    }
    return [...expansion].sort((a, b) => a - b);
  }

  /** R(item, k). */
  #reciprocal(item: number, k: number): number[] {
    return [...this.#nearestOf(item, k + 1)].filter((each) => this.#nearestOf(each, k + 1).includes(item));
  }

  #nearestOf(item: number, count: number): Int32Array {
    const start = item * this.#nearestCount;
    return this.#nearest.subarray(start, start + Math.min(count, this.#nearestCount));
  }

  /** The mean of the encodings of the k2 nearest, for items `start` to `start + count − 1`. */
  #expanded(start: number, count: number): SparseRows {
    const { k2 } = this.#options;
    const rows = this.#rows;
    const sums = this.#sums;
    const expanded = new SparseRows(count, this.#expandedCapacity);
    for (let row = 0; row < count; row++) {
      const item = start + row;
      const neighbours = k2 === 1 ? Int32Array.of(item) : this.#nearestOf(item, k2);
      const columns: number[] = [];
      for (const neighbour of neighbours) {
        const first = neighbour * rows.capacity;
        for (let i = first; i < first + rows.lengths[neighbour]; i++) {
          const column = rows.columns[i];
          if (sums[column] === 0) columns.push(column);
          sums[column] += rows.values[i];
        }
      }
      columns.sort((a, b) => a - b);
      expanded.set(row, columns, (column) => sums[column] / neighbours.length);
      for (const column of columns) sums[column] = 0;
    }
    return expanded;
  }

  /** Final distances of a block of queries to the gallery, tile by tile. */
  read(queries: EmbeddingBlock, gallery: EmbeddingSet): ReturnType<DistanceSource> {
    const encodings = this;
    const images = readDistances(this.#distance, queries, gallerySource(gallery));
    const ofQueries = this.#expanded(queries.start, queries.count);
    return async function* (wanted) {
      for await (const block of images(wanted)) yield encodings.#tile(queries, ofQueries, block);
    };
  }

  #tile(queries: EmbeddingBlock, ofQueries: SparseRows, images: GalleryDistances): GalleryDistances {
    const { start, count } = images;
    const ofItems = this.#expanded(this.#queryCount + start, count);
    const inverted = new InvertedRows(ofItems, this.#furthest.length);
    const { lambda } = this.#options;
    const final = (query: number, shared: number, value: number) =>
      (1 - shared / (2 - shared)) * (1 - lambda) + this.#original(query, value) * lambda;
    const distances = new Float64Array(count);
    return {
      start,
      count,
      pair(query, item) {
        const shared = sumOfMinima(ofQueries, query - queries.start, ofItems, item - start);
        return final(query, shared, images.pair(query, item));
      },
      row(query) {
        const values = images.row(query);
        inverted.sumsOfMinima(ofQueries, query - queries.start, distances);
        for (let j = 0; j < count; j++) distances[j] = final(query, distances[j], values[j]);
        return distances;
      },
    };
  }

  /** The original distance of an item to another, from the distance between their embeddings. */
  #original(item: number, value: number): number {
    const furthest = this.#furthest[item];
    return furthest === 0 ? 0 : this.#squared(value) / furthest;
  }

  /** Rows of Euclidean distances hold squares as they are. */
  readonly #squared = (value: number): number => (this.#distance === 'cosine' ? value ** 2 : value);
}

/** Rounds as the authors' program does (IEEE 754's default): a half goes to the even number. */
function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}
