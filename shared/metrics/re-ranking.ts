import type { EmbeddingSet } from '../sets/embedding-set.ts';
import { blocksOf } from './blocks.ts';
import type { DistanceName } from './distance.ts';
import { type DistanceSource, QUERIES_PER_SHARD } from './evaluate-sets.ts';
import { readJointDistances } from './joint-distances.ts';
import { DistanceKernel } from './kernel/distance-kernel.ts';
import type { CompiledModule } from './kernel/webassembly.ts';
import { nearestNeighbours } from './nearest-neighbours.ts';
import { ReRankedDistances } from './re-ranked-distances.ts';
import { encodedCapacity, neighbourCount, type ReRankingOptions } from './re-ranking-options.ts';
import { gallerySource, ROWS_PER_BLOCK, readDistances } from './read-distances.ts';
import { encodeItems, ReciprocalNeighbours } from './reciprocal-neighbours.ts';
import { InvertedRows, SparseRows } from './sparse-rows.ts';

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

/**
 * The most that is needed at any time beside the two sets, by what is known before.
 *
 * @param tile queries and gallery items whose distances are there at a time.
 */
export function reRankingBytes(
  queries: number,
  gallery: number,
  dimension: number,
  options: ReRankingOptions,
  tile = { queries: QUERIES_PER_SHARD, items: ROWS_PER_BLOCK },
): number {
  const count = queries + gallery;
  const neighbours = neighbourCount(count, options);
  const encoded = encodedCapacity(count, options);
  const expanded = Math.min(count, options.k2 * encoded);
  const kept = 4 * count * neighbours + 8 * count + SparseRows.bytes(count, encoded);
  // Features of two blocks, and what the kernel has of one of them.
  const blocks =
    4 * dimension * (tile.queries + tile.items) +
    8 * tile.queries +
    8 * tile.items +
    DistanceKernel.bytes(dimension, tile.items);
  const finding = 12 * tile.queries * neighbours + 8 * tile.queries;
  const ranking =
    SparseRows.bytes(tile.queries + tile.items, expanded) +
    InvertedRows.bytes(tile.items, expanded, count) +
    8 * count;
  return kept + blocks + Math.max(finding, ranking);
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
 * @param kernel a build of the ranking kernel; see `chooseKernel`.
 * @throws {ReRankingMemoryError} before anything is computed, if it would take more than `maxBytes`.
 */
export async function reRank(
  kernel: CompiledModule,
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
  const count = queries.count + gallery.count;
  const distances = new DistanceKernel(kernel);
  const source = { queries: gallerySource(queries), gallery: gallerySource(gallery) };
  const neighbours = new ReciprocalNeighbours(count, distance, options);
  for (const block of jointBlocks(queries, gallery)) {
    const reader = readJointDistances(distances, distance, block, source);
    neighbours.set(block.start, await nearestNeighbours(block, neighbours.perItem, reader));
    progress?.(block.start + block.count, count);
  }
  const rows = new SparseRows(count, encodedCapacity(count, options));
  for (const block of jointBlocks(queries, gallery)) {
    await encodeItems(
      neighbours,
      block,
      readJointDistances(distances, distance, block, source),
      rows,
      block.start,
    );
  }
  const final = new ReRankedDistances(neighbours, rows, queries.count);
  return (block) => final.read(block, readDistances(distances, distance, block, source.gallery));
}

/** Blocks of both sets, queries first, named by their place in both together. */
function* jointBlocks(queries: EmbeddingSet, gallery: EmbeddingSet) {
  yield* blocksOf(queries, QUERIES_PER_SHARD);
  for (const block of blocksOf(gallery, QUERIES_PER_SHARD)) {
    yield { ...block, start: queries.count + block.start };
  }
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
