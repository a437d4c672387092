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
  const features = new Float32Array(dimension * count);
  for (let j = 0; j < count; j++) {
    const row = (start + j) * dimension;
    for (let k = 0; k < dimension; k++) features[k * count + j] = set.features[row + k];
  }
  return { start, count, dimension, features };
}
