import type { GalleryDistances, GalleryReader } from './gallery-distances.ts';
import type { ReciprocalNeighbours } from './reciprocal-neighbours.ts';
import { InvertedRows, SparseRows, sumOfMinima } from './sparse-rows.ts';

/** Final distances by the encodings of all items: made a tile at a time, as the ranking asks for them. */
export class ReRankedDistances {
  readonly #neighbours: ReciprocalNeighbours;
  readonly #rows: SparseRows;
  readonly #queryCount: number;
  /** Scratch: one number for every item, zero between calls. */
  readonly #sums: Float64Array;

  /** @param rows the encodings of all items, queries first. */
  constructor(neighbours: ReciprocalNeighbours, rows: SparseRows, queryCount: number) {
    this.#neighbours = neighbours;
    this.#rows = rows;
    this.#queryCount = queryCount;
    this.#sums = new Float64Array(neighbours.count);
  }

  /** Final distances of queries `start` to `start + count − 1`. @param images those between embeddings. */
  read(queries: { readonly start: number; readonly count: number }, images: GalleryReader): GalleryReader {
    const ofQueries = this.#expanded(queries.start, queries.count);
    const tile = (block: GalleryDistances) => this.#tile(queries.start, ofQueries, block);
    return async function* (wanted) {
      for await (const block of images(wanted)) yield tile(block);
    };
  }

  /** The mean of the encodings of the k2 nearest, for items `start` to `start + count − 1`. */
  #expanded(start: number, count: number): SparseRows {
    const { k2 } = this.#neighbours.options;
    const rows = this.#rows;
    const sums = this.#sums;
    const expanded = new SparseRows(count, Math.min(sums.length, k2 * rows.capacity));
    for (let row = 0; row < count; row++) {
      const item = start + row;
      const neighbours = k2 === 1 ? Int32Array.of(item) : this.#neighbours.nearestOf(item, k2);
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

  #tile(firstQuery: number, ofQueries: SparseRows, images: GalleryDistances): GalleryDistances {
    const { start, count } = images;
    const ofItems = this.#expanded(this.#queryCount + start, count);
    const inverted = new InvertedRows(ofItems, this.#sums.length);
    const { lambda } = this.#neighbours.options;
    const final = (query: number, shared: number, value: number) =>
      (1 - shared / (2 - shared)) * (1 - lambda) + this.#neighbours.original(query, value) * lambda;
    const distances = new Float64Array(count);
    return {
      start,
      count,
      pair(query, item) {
        const shared = sumOfMinima(ofQueries, query - firstQuery, ofItems, item - start);
        return final(query, shared, images.pair(query, item));
      },
      row(query) {
        const values = images.row(query);
        inverted.sumsOfMinima(ofQueries, query - firstQuery, distances);
        for (let j = 0; j < count; j++) distances[j] = final(query, distances[j], values[j]);
        return distances;
      },
    };
  }
}
