import type { GalleryReader } from './gallery-distances.ts';
import type { PairDistances } from './pair-distances.ts';
import type { Protocol } from './protocols.ts';

/** Counts the kept pairs of queries `start` to `start + count − 1` in one pass over the gallery. */
export async function countPairs(
  pairs: PairDistances,
  protocol: Protocol,
  queries: { readonly start: number; readonly count: number },
  gallery: GalleryReader,
): Promise<void> {
  const matches = Array.from({ length: queries.count }, (_, q) => {
    return new Set(protocol.matches(queries.start + q));
  });
  for await (const block of gallery(() => true)) {
    for (const [q, items] of matches.entries()) {
      const query = queries.start + q;
      pairs.addRow(protocol, items, query, block.start, block.row(query));
    }
  }
}
