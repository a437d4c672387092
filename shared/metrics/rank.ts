import { scoreQuery } from './average-precision.ts';
import type { Protocol } from './protocols.ts';
import { QueryScores } from './scores.ts';

/** Distances of queries to consecutive gallery items, `start` to `start + count − 1`. */
export interface GalleryDistances {
  readonly start: number;
  readonly count: number;
  /** Distance of query `query` to gallery item `item`. */
  pair(query: number, item: number): number;
  /** Distances of query `query` to all `count` items. Valid until the next call. */
  row(query: number): Float64Array;
}

/** Reads the gallery in ascending order. `wanted` says whether the items from `start` on are needed at all. */
export type GalleryReader = (
  wanted: (start: number, count: number) => boolean,
) => Iterable<GalleryDistances> | AsyncIterable<GalleryDistances>;

/**
 * Ranks queries `start` to `start + count − 1` against the gallery, exactly, and scores each.
 *
 * The order of a query's list is by distance, ties broken by the lower gallery index. The list is never
 * built: the rank of a correct match is one plus the number of kept items before it. So one pass over the
 * gallery finds where the correct matches lie, a second counts what stands before each, and memory does
 * not grow with the gallery. How the gallery or the queries are cut changes no bit of the result.
 */
export async function rankQueries(
  protocol: Protocol,
  queries: { readonly start: number; readonly count: number },
  gallery: GalleryReader,
): Promise<QueryScores> {
  const lists = Array.from({ length: queries.count }, (_, q) => {
    return new MatchList(protocol.matches(queries.start + q));
  });
  const last = queries.start + queries.count;

  const hasMatch = (start: number, count: number) =>
    lists.some(({ items }) => {
      const next = items[lowerBound(items.length, (i) => items[i] < start)];
      return next !== undefined && next < start + count;
    });
  for await (const block of gallery(hasMatch)) {
    for (const [q, list] of lists.entries()) list.locate(block, queries.start + q);
  }
  for (const list of lists) list.sort();

  const anyMatch = lists.some(({ items }) => items.length > 0);
  for await (const block of gallery(() => anyMatch)) {
    for (let query = queries.start; query < last; query++) {
      const list = lists[query - queries.start];
      if (list.items.length > 0) list.countBefore(block, block.row(query), query, protocol);
    }
  }

  const scores = new QueryScores(queries.start, queries.count);
  for (const [q, list] of lists.entries()) {
    scores.set(q, scoreQuery(list.ranks()), protocol.keptCount(queries.start + q));
  }
  return scores;
}

/** The correct matches of one query and how many other items stand before each. */
class MatchList {
  /** Gallery indices: ascending at first, in ranked order after `sort`. */
  items: number[];
  readonly #distances: Float64Array;
  readonly #isMatch: Set<number>;
  /** before[i]: items that are no match and stand between match i − 1 and match i. */
  readonly #before: Int32Array;

  constructor(items: number[]) {
    this.items = [...items];
    this.#isMatch = new Set(items);
    this.#distances = new Float64Array(items.length);
    this.#before = new Int32Array(items.length);
  }

  /** First pass: the distances of the matches that lie in this block. */
  locate(block: GalleryDistances, query: number): void {
    const { items } = this;
    const end = block.start + block.count;
    let i = lowerBound(items.length, (index) => items[index] < block.start);
    for (; i < items.length && items[i] < end; i++) this.#distances[i] = block.pair(query, items[i]);
  }

  sort(): void {
    const order = this.items.map((_, i) => i);
    order.sort((a, b) => this.#distances[a] - this.#distances[b] || this.items[a] - this.items[b]);
    this.items = order.map((i) => this.items[i]);
    this.#distances.set(order.map((i) => this.#distances[i]));
  }

  /** Second pass: counts the block's items that stand before a match. */
  countBefore(block: GalleryDistances, row: Float64Array, query: number, protocol: Protocol): void {
    const { items } = this;
    const distances = this.#distances;
    const furthest = distances[distances.length - 1];
    for (let j = 0; j < block.count; j++) {
      const distance = row[j];
      // Nearly all of a gallery is further away than the last match and counts for nothing.
      if (distance > furthest) continue;
      const item = block.start + j;
      if (this.#isMatch.has(item) || !protocol.keeps(query, item)) continue;
      const place = lowerBound(items.length, (i) => {
        return distances[i] < distance || (distances[i] === distance && items[i] < item);
      });
      if (place < items.length) this.#before[place]++;
    }
  }

  /** Ranks of the matches, from 1, ascending. */
  ranks(): number[] {
    let others = 0;
    return this.items.map((_, i) => {
      others += this.#before[i];
      return others + i + 1;
    });
  }
}

/** The first index in [0, length) for which `isBefore` is false, where it is true up to some point. */
function lowerBound(length: number, isBefore: (index: number) => boolean): number {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
