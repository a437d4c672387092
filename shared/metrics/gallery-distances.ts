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
