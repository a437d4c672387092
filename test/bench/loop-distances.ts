import type { EmbeddingBlock } from '../../shared/metrics/blocks.ts';
import { squaredNorms } from '../../shared/metrics/kernel/distance-kernel.ts';

/** Cosine distances in double precision as JavaScript has them fastest: along the rows of a transposed block. */
export class LoopDistances {
  readonly #queries: EmbeddingBlock;
  readonly #querySquares: Float64Array;
  #block: EmbeddingBlock | undefined;
  #squares: Float64Array = new Float64Array();
  #row: Float64Array = new Float64Array();

  constructor(queries: EmbeddingBlock) {
    this.#queries = queries;
    this.#querySquares = squaredNorms(queries);
  }

  take(block: EmbeddingBlock): void {
    this.#block = block;
    this.#squares = squaredNorms(block);
    this.#row = new Float64Array(block.count);
  }

  /** Distances of a query to all items of the block. */
  row(query: number): Float64Array {
    const queries = this.#queries;
    const { count, dimension, features } = this.#block as EmbeddingBlock;
    const row = this.#row.fill(0);
    for (let k = 0; k < dimension; k++) {
      const value = queries.features[k * queries.count + query];
      const offset = k * count;
      for (let j = 0; j < count; j++) row[j] += value * features[offset + j];
    }
    for (let j = 0; j < count; j++) {
      const norms = Math.sqrt(this.#querySquares[query] * this.#squares[j]);
      row[j] = norms === 0 ? 1 : 1 - row[j] / norms;
    }
    return row;
  }
}
