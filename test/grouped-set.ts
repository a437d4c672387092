import { createRandom } from '../shared/random.ts';
import type { EmbeddingSet } from '../shared/sets/embedding-set.ts';

/** Five identities in three cameras, which are told apart by their features, mostly. */
export function groupedSet(seed: number, count: number, dimension = 32): EmbeddingSet {
  const random = createRandom(seed);
  return {
    ...{ count, dimension },
    features: Float32Array.from(
      { length: count * dimension },
      (_, i) => random.normal() + 2 * Number(i % dimension === Math.floor(i / dimension) % 5),
    ),
    identities: Int32Array.from({ length: count }, (_, i) => i % 5),
    cameras: Int32Array.from({ length: count }, (_, i) => i % 3),
  };
}

/** Names of pictures, two of each of two identities, as Market-1501 has them. */
export const market1501Names = [
  '0001_c1s1_000001_00.png',
  '0001_c2s1_000002_00.png',
  '0002_c1s1_000003_00.png',
  '0002_c2s1_000004_00.png',
];
