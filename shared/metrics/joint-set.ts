import type { EmbeddingSet } from '../sets/embedding-set.ts';
import type { EmbeddingBlock } from './blocks.ts';

/** A query set and a gallery set as one: first all queries, then all gallery items. Nothing is copied. */
export class JointSet {
  readonly count: number;
  readonly dimension: number;
  readonly #queries: EmbeddingSet;
  readonly #gallery: EmbeddingSet;

  constructor(queries: EmbeddingSet, gallery: EmbeddingSet) {
    this.count = queries.count + gallery.count;
    this.dimension = queries.dimension;
    this.#queries = queries;
    this.#gallery = gallery;
  }

  /** Items in any order as a block, in which they are named by their place from `start` on. */
  block(items: ArrayLike<number>, start: number): EmbeddingBlock {
    const { dimension } = this;
    const count = items.length;
    const features = new Float32Array(dimension * count);
    for (let j = 0; j < count; j++) {
      const inQueries = items[j] < this.#queries.count;
      const set = inQueries ? this.#queries : this.#gallery;
      const row = (inQueries ? items[j] : items[j] - this.#queries.count) * dimension;
      for (let k = 0; k < dimension; k++) features[k * count + j] = set.features[row + k];
    }
    return { start, count, dimension, features };
  }

  /** Items `start` to `start + count − 1` as a block. */
  range(start: number, count: number): EmbeddingBlock {
    return this.block(
      Int32Array.from({ length: count }, (_, j) => start + j),
      start,
    );
  }
}
