import type { DistanceName } from '../shared/metrics/distance.ts';
import type { EmbeddingSet } from '../shared/sets/embedding-set.ts';

/**
 * Distances of every query to every gallery item by plain loops in double precision: sums run along the dimensions,
 * and Euclidean distances are squared.
 */
export function plainDistances(
  distance: DistanceName,
  queries: EmbeddingSet,
  gallery: EmbeddingSet,
): Float64Array[] {
  const squares = [queries, gallery].map((set) =>
    Float64Array.from({ length: set.count }, (_, row) => product(set, row, set, row)),
  );
  return Array.from({ length: queries.count }, (_, q) =>
    Float64Array.from({ length: gallery.count }, (_, g) => {
      const [querySquare, square] = [squares[0][q], squares[1][g]];
      const sum = product(queries, q, gallery, g);
      if (distance !== 'cosine') return Math.max(0, querySquare + square - 2 * sum);
      const lengths = Math.sqrt(querySquare * square);
      return lengths === 0 ? 1 : 1 - sum / lengths;
    }),
  );
}

function product(a: EmbeddingSet, rowOfA: number, b: EmbeddingSet, rowOfB: number): number {
  const { dimension } = a;
  let sum = 0;
  for (let k = 0; k < dimension; k++) {
    sum += a.features[rowOfA * dimension + k] * b.features[rowOfB * dimension + k];
  }
  return sum;
}
