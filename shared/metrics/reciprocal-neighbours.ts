import type { DistanceName } from './distance.ts';
import type { GalleryReader } from './gallery-distances.ts';
import type { Neighbours } from './nearest-neighbours.ts';
import { neighbourCount, type ReRankingOptions } from './re-ranking-options.ts';
import type { SparseRows } from './sparse-rows.ts';

/**
 * The nearest of every item of a query set and a gallery set together, and what follows from them: who is whose
 * reciprocal neighbour, and the original distances that re-ranking weighs by.
 */
export class ReciprocalNeighbours {
  readonly count: number;
  readonly options: ReRankingOptions;
  /** How many nearest there are of each item. */
  readonly perItem: number;
  readonly #distance: DistanceName;
  readonly #nearest: Int32Array;
  /** The largest original distance of every item before it is divided by that. */
  readonly #furthest: Float64Array;

  constructor(count: number, distance: DistanceName, options: ReRankingOptions) {
    this.count = count;
    this.options = options;
    this.perItem = neighbourCount(count, options);
    this.#distance = distance;
    this.#nearest = new Int32Array(count * this.perItem);
    this.#furthest = new Float64Array(count);
  }

  /** Takes the neighbours of items `start` to `start + count − 1`. */
  set(start: number, { items, furthest }: Neighbours): void {
    this.#nearest.set(items, start * this.perItem);
    this.#furthest.set(furthest.map(this.#squared), start);
  }

  /** The `count` nearest of an item, as far as there are so many. */
  nearestOf(item: number, count: number): Int32Array {
    const start = item * this.perItem;
    return this.#nearest.subarray(start, start + Math.min(count, this.perItem));
  }

  /** R*(item), ascending. */
  expansion(item: number): number[] {
    const { k1 } = this.options;
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

  /** The original distance of an item to another, from the distance between their embeddings. */
  original(item: number, value: number): number {
    const furthest = this.#furthest[item];
    return furthest === 0 ? 0 : this.#squared(value) / furthest;
  }

  /** R(item, k). */
  #reciprocal(item: number, k: number): number[] {
    return [...this.nearestOf(item, k + 1)].filter((each) => this.nearestOf(each, k + 1).includes(item));
  }

  /** Rows of Euclidean distances hold squares as they are. */
  readonly #squared = (value: number): number => (this.#distance === 'cosine' ? value ** 2 : value);
}

/**
 * Encodes items `start` to `start + count − 1` by their reciprocal neighbours, in one pass over the items.
 *
 * @param rows takes them, from row `first` on.
 * @param items distances of these items to all.
 */
export async function encodeItems(
  neighbours: ReciprocalNeighbours,
  { start, count }: { readonly start: number; readonly count: number },
  items: GalleryReader,
  rows: SparseRows,
  first: number,
): Promise<void> {
  const members = Array.from({ length: count }, (_, i) => neighbours.expansion(start + i));
  const weights: number[][] = members.map(() => []);
  for await (const block of items(() => true)) {
    for (const [i, list] of members.entries()) {
      // Members ascend, as blocks do: those of this block follow those that are weighed.
      for (let m = weights[i].length; m < list.length && list[m] < block.start + block.count; m++) {
        weights[i].push(Math.exp(-neighbours.original(start + i, block.pair(start + i, list[m]))));
      }
    }
  }
  for (const [i, list] of members.entries()) {
    const total = weights[i].reduce((sum, weight) => sum + weight, 0);
    rows.set(first + i, list, (_, place) => weights[i][place] / total);
  }
}

/** Rounds as the authors' program does (IEEE 754's default): a half goes to the even number. */
function roundHalfToEven(value: number): number {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}
