import type { EmbeddingBlock } from './blocks.ts';
import type { DistanceName } from './distance.ts';
import type { GalleryDistances } from './gallery-distances.ts';

/**
 * Distances between a block of queries and blocks of the gallery, row by row, for what needs whole rows and
 * is not asked for speed: tracks, single-shot galleries, counts of pairs, re-ranking. Euclidean distances
 * are squared, which orders the same.
 *
 * Products are summed in double precision in the order of the dimensions. So the distance of a pair is the
 * same to the last bit whatever block it is found in and whatever machine computes it, and equal vectors
 * are at distances that are exactly equal.
 */
export class BlockDistances {
  readonly #queries: EmbeddingBlock;
  readonly #squares: Float64Array;
  readonly #distance: DistanceName;

  constructor(queries: EmbeddingBlock, distance: DistanceName) {
    this.#queries = queries;
    this.#squares = squaredNorms(queries);
    this.#distance = distance;
  }

  /** Distances to the items of one gallery block. Queries are named by their index in the set. */
  to(block: EmbeddingBlock): GalleryDistances {
    const queries = this.#queries;
    if (block.dimension !== queries.dimension) {
      throw new RangeError(
        `Queries have ${queries.dimension} dimensions, the gallery block ${block.dimension}.`,
      );
    }
    const { count, dimension, features } = block;
    const finish = this.#finisher(squaredNorms(block));
    const row = new Float64Array(count);
    return {
      start: block.start,
      count,
      pair(query, item) {
        const q = query - queries.start;
        const j = item - block.start;
        let sum = 0;
        for (let k = 0; k < dimension; k++) {
          sum += queries.features[k * queries.count + q] * features[k * count + j];
        }
        return finish(sum, q, j);
      },
      row(query) {
        const q = query - queries.start;
        row.fill(0);
        for (let k = 0; k < dimension; k++) {
          const value = queries.features[k * queries.count + q];
          const offset = k * count;
          for (let j = 0; j < count; j++) row[j] += value * features[offset + j];
        }
        for (let j = 0; j < count; j++) row[j] = finish(row[j], q, j);
        return row;
      },
    };
  }

  #finisher(gallerySquares: Float64Array): (product: number, q: number, j: number) => number {
    const querySquares = this.#squares;
    if (this.#distance !== 'cosine') {
      return (product, q, j) => Math.max(0, querySquares[q] + gallerySquares[j] - 2 * product);
    }
    return (product, q, j) => {
      const norms = Math.sqrt(querySquares[q] * gallerySquares[j]);
      return norms === 0 ? 1 : 1 - product / norms;
    };
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
