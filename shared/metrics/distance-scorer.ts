import type { GalleryReader } from './gallery-distances.ts';
import type { GalleryScorer, ItemLists } from './rank.ts';

/**
 * Scores a gallery by distances of any kind that are read row by row: those to tracks, or re-ranked ones.
 * Embeddings themselves are scored by the kernel, which is many times faster.
 */
export class DistanceScorer implements GalleryScorer<Float64Array> {
  readonly #gallery: GalleryReader;
  readonly #first: number;
  readonly #drops: (item: number) => boolean;

  /** @param first the query that the first list belongs to. */
  constructor(gallery: GalleryReader, first: number, drops: (item: number) => boolean) {
    this.#gallery = gallery;
    this.#first = first;
    this.#drops = drops;
  }

  async locate({ starts, items }: ItemLists): Promise<Float64Array> {
    const scores = new Float64Array(items.length);
    const wanted = new Set(items);
    const anyIn = (start: number, count: number) => {
      for (let item = start; item < start + count; item++) if (wanted.has(item)) return true;
      return false;
    };
    for await (const block of this.#gallery(anyIn)) {
      for (let q = 0; q + 1 < starts.length; q++) {
        for (let i = starts[q]; i < starts[q + 1]; i++) {
          const inBlock = items[i] >= block.start && items[i] < block.start + block.count;
          if (inBlock) scores[i] = -block.pair(this.#first + q, items[i]);
        }
      }
    }
    return scores;
  }

  async countBefore({ starts, items }: ItemLists, scores: Float64Array): Promise<Int32Array> {
    const counts = new Int32Array(items.length);
    for await (const block of this.#gallery(() => items.length > 0)) {
      for (let q = 0; q + 1 < starts.length; q++) {
        const [low, high] = [starts[q], starts[q + 1]];
        if (low === high) continue;
        const row = block.row(this.#first + q);
        const furthest = -scores[high - 1];
        for (let j = 0; j < block.count; j++) {
          const item = block.start + j;
          if (row[j] > furthest || this.#drops(item)) continue;
          const entry = firstAfter(low, high, -row[j], item, items, scores);
          if (entry < high) counts[entry]++;
        }
      }
    }
    // What stands before an entry stands before those after it as well.
    for (let q = 0; q + 1 < starts.length; q++) {
      for (let i = starts[q] + 1; i < starts[q + 1]; i++) counts[i] += counts[i - 1];
    }
    return counts;
  }
}

/** The first of the entries `low` to `high − 1` that an item of a score stands before; `high` if none. */
function firstAfter(
  low: number,
  high: number,
  score: number,
  item: number,
  items: Int32Array,
  scores: Float64Array,
): number {
  while (low < high) {
    const middle = (low + high) >>> 1;
    const isBefore = score > scores[middle] || (score === scores[middle] && item < items[middle]);
    if (isBefore) high = middle;
    else low = middle + 1;
  }
  return low;
}
