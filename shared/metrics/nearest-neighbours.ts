import type { GalleryReader } from './gallery-distances.ts';
import { insertNearest } from './insert-nearest.ts';

/** The nearest items of some queries and the distance of the furthest of all. */
export interface Neighbours {
  /** `count` items a query: nearest first, of two at one distance the lower index. */
  readonly items: Int32Array;
  /** The largest distance of each query to any item. */
  readonly furthest: Float64Array;
}

/** Finds the `count` nearest items of queries `start` to `start + count − 1` in one pass. */
export async function nearestNeighbours(
  queries: { readonly start: number; readonly count: number },
  count: number,
  gallery: GalleryReader,
): Promise<Neighbours> {
  const items = new Int32Array(queries.count * count);
  const distances = new Float64Array(queries.count * count).fill(Number.POSITIVE_INFINITY);
  const furthest = new Float64Array(queries.count).fill(Number.NEGATIVE_INFINITY);
  for await (const block of gallery(() => true)) {
    for (let q = 0; q < queries.count; q++) {
      const row = block.row(queries.start + q);
      const first = q * count;
      const last = first + count - 1;
      for (let j = 0; j < block.count; j++) {
        const distance = row[j];
        if (distance > furthest[q]) furthest[q] = distance;
        if (distance >= distances[last]) continue;
        insertNearest(distances, items, first, last, distance, block.start + j);
      }
    }
  }
  return { items, furthest };
}

/** Bytes that {@link decodeNeighbours} turns back into the same neighbours. */
export function encodeNeighbours({ items, furthest }: Neighbours): Uint8Array {
  const bytes = new Uint8Array(8 * furthest.length + 4 * items.length);
  bytes.set(new Uint8Array(furthest.buffer, furthest.byteOffset, furthest.byteLength));
  bytes.set(new Uint8Array(items.buffer, items.byteOffset, items.byteLength), 8 * furthest.length);
  return bytes;
}

/** @param count of the nearest of each. @throws {RangeError} if the bytes are not neighbours of so many each. */
export function decodeNeighbours(bytes: Uint8Array, count: number): Neighbours {
  const perItem = 8 + 4 * count;
  if (bytes.length % perItem !== 0) {
    throw new RangeError(`${bytes.length} bytes are not ${count} neighbours of each item.`);
  }
  const { buffer } = new Uint8Array(bytes);
  const items = bytes.length / perItem;
  return { items: new Int32Array(buffer, 8 * items), furthest: new Float64Array(buffer, 0, items) };
}
