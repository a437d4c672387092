/**
 * Consecutive rows of a set of embeddings, transposed: number k of row `start + j` is at
 * `features[k * count + j]`. Products with a block run along its rows, which lie side by side so.
 */
export interface EmbeddingBlock {
  readonly start: number;
  readonly count: number;
  readonly dimension: number;
  readonly features: Float32Array;
}

/** Rows that are transposed side by side: as many streams as a cache follows. */
const ROWS_AT_ONCE = 16;

/** Cuts row-major embeddings into transposed blocks of `rowsPerBlock` rows (the last may have fewer). */
export function* blocksOf(
  set: { readonly count: number; readonly dimension: number; readonly features: Float32Array },
  rowsPerBlock: number,
): Generator<EmbeddingBlock> {
  for (let start = 0; start < set.count; start += rowsPerBlock) {
    yield blockOf(set, start, Math.min(rowsPerBlock, set.count - start));
  }
}

/** The transposed block of `count` rows from row `start`. */
export function blockOf(
  set: { readonly dimension: number; readonly features: Float32Array },
  start: number,
  count: number,
): EmbeddingBlock {
  const { dimension } = set;
  const source = set.features;
  const features = new Float32Array(dimension * count);
  for (let first = 0; first < count; first += ROWS_AT_ONCE) {
    const end = Math.min(count, first + ROWS_AT_ONCE);
    for (let k = 0; k < dimension; k++) {
      for (let j = first; j < end; j++) features[k * count + j] = source[(start + j) * dimension + k];
    }
  }
  return { start, count, dimension, features };
}
