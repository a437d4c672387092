import type { EmbeddingBlock } from './blocks.ts';
import { type DistanceName, distanceOf } from './distance.ts';
import type { GallerySource } from './evaluate.ts';
import type { GalleryReader } from './gallery-distances.ts';
import type { RankingKernel } from './kernel/kernel.ts';
import type { Labels, Protocol } from './protocols.ts';
import type { Tracks } from './tracks.ts';

/** The most places of a list that are kept. */
export const MAX_TOP_K = 50;

/** Numbers kept of each place: those of a {@link TopItem}. */
const COLUMNS = 6;

/** What is known of a gallery item. */
export interface ItemLabels {
  /** Index in the gallery set. Of a track, that of its first image. */
  readonly galleryIndex: number;
  readonly identity: number;
  readonly camera: number;
  /** Where the gallery set has groups. */
  readonly group?: number;
}

/** One place of a query's list. */
export interface TopItem extends ItemLabels {
  readonly distance: number;
  /** Whether it is a correct match of the query. */
  readonly match: boolean;
}

/** Names what is ranked: items of a gallery, or its tracks. */
export function itemLabels(
  { identities, cameras, groups }: Labels,
  tracks: Tracks | undefined,
): (item: number) => ItemLabels {
  return (item) => {
    const galleryIndex = tracks === undefined ? item : tracks.firstOf[item];
    return {
      galleryIndex,
      identity: identities[galleryIndex],
      camera: cameras[galleryIndex],
      ...(groups !== undefined && { group: groups[galleryIndex] }),
    };
  };
}

/**
 * The first places of the lists of queries `start` to `start + count − 1`, as they are ranked: by distance, of
 * equal ones the lower index first, without the items that the protocol leaves out. A list that is shorter than
 * `length` has all of its items.
 */
export class TopLists {
  readonly start: number;
  readonly count: number;
  readonly length: number;
  readonly #places: Float64Array;

  constructor(start: number, count: number, length: number, places?: Float64Array) {
    this.start = start;
    this.count = count;
    this.length = length;
    this.#places = places ?? new Float64Array(COLUMNS * count * length).fill(-1);
  }

  /** The list of a query, which is named by its index in the set. */
  of(query: number): TopItem[] {
    const list: TopItem[] = [];
    for (let place = 0; place < this.length; place++) {
      const at = COLUMNS * ((query - this.start) * this.length + place);
      const [galleryIndex, identity, camera, group, distance, match] = this.#places.subarray(
        at,
        at + COLUMNS,
      );
      if (galleryIndex < 0) break;
      list.push({
        ...{ galleryIndex, identity, camera },
        ...(!Number.isNaN(group) && { group }),
        ...{ distance, match: match === 1 },
      });
    }
    return list;
  }

  set(query: number, place: number, item: TopItem): void {
    const { galleryIndex, identity, camera, group = Number.NaN, distance, match } = item;
    const at = COLUMNS * ((query - this.start) * this.length + place);
    this.#places.set([galleryIndex, identity, camera, group, distance, Number(match)], at);
  }

  /** Bytes that `decode` turns back into the same lists, to the last bit. */
  encode(): Uint8Array {
    const numbers = new Float64Array(3 + this.#places.length);
    numbers.set([this.start, this.count, this.length]);
    numbers.set(this.#places, 3);
    return new Uint8Array(numbers.buffer);
  }

  /** @throws {RangeError} if the bytes are not what `encode` gives. */
  static decode(bytes: Uint8Array): TopLists {
    const whole = bytes.length % 8 === 0 && bytes.length >= 24;
    const numbers = whole ? new Float64Array(new Uint8Array(bytes).buffer) : new Float64Array(3);
    const [start, count, length] = numbers;
    if (!whole || numbers.length !== 3 + COLUMNS * count * length) {
      throw new RangeError(`${bytes.length} bytes are not the first places of lists.`);
    }
    return new TopLists(start, count, length, numbers.subarray(3));
  }
}

/** Keeps the nearest items of some queries, which come in ascending order. */
class Nearest {
  readonly #lists: { item: number; value: number }[][];
  readonly #protocol: Protocol;
  readonly #start: number;
  readonly #length: number;

  constructor(protocol: Protocol, { start, count }: { start: number; count: number }, length: number) {
    this.#lists = Array.from({ length: count }, () => []);
    this.#protocol = protocol;
    this.#start = start;
    this.#length = length;
  }

  /**
   * @param row what orders items `first` to `first + row.length − 1` for the query.
   * @param sign 1 where the lower is the nearer, −1 where the higher is.
   */
  add(query: number, first: number, row: Float32Array | Float64Array, sign: 1 | -1): void {
    const list = this.#lists[query - this.#start];
    const furthest = () =>
      list.length < this.#length ? Number.POSITIVE_INFINITY : list[list.length - 1].value;
    let limit = furthest();
    for (let j = 0; j < row.length; j++) {
      const value = sign * row[j];
      // An item that is as far as another stands behind it.
      if (value >= limit || !this.#protocol.keeps(query, first + j)) continue;
      if (list.length === this.#length) list.pop();
      let place = list.length;
      while (place > 0 && list[place - 1].value > value) place--;
      list.splice(place, 0, { item: first + j, value });
      limit = furthest();
    }
  }

  end(labels: (item: number) => ItemLabels, distance: (value: number, query: number) => number): TopLists {
    const lists = new TopLists(this.#start, this.#lists.length, this.#length);
    for (const [q, list] of this.#lists.entries()) {
      const query = this.#start + q;
      const matches = new Set(this.#protocol.matches(query));
      for (const [place, { item, value }] of list.entries()) {
        const found = { distance: distance(value, query), match: matches.has(item) };
        lists.set(query, place, { ...labels(item), ...found });
      }
    }
    return lists;
  }
}

/**
 * The first `length` places of every query's list, in one pass over rows of distances.
 *
 * @param distance what a number of a row stands for.
 */
export async function topLists(
  protocol: Protocol,
  queries: { readonly start: number; readonly count: number },
  length: number,
  gallery: GalleryReader,
  labels: (item: number) => ItemLabels,
  distance: (value: number) => number,
): Promise<TopLists> {
  const nearest = new Nearest(protocol, queries, length);
  for await (const block of gallery(() => true)) {
    for (let query = queries.start; query < queries.start + queries.count; query++) {
      nearest.add(query, block.start, block.row(query), 1);
    }
  }
  return nearest.end(labels, distance);
}

/**
 * The same by the kernel's scores, to whose bits the queries are ranked.
 *
 * @param kernel that has begun with the queries.
 */
export async function topListsByKernel(
  kernel: RankingKernel,
  distance: DistanceName,
  protocol: Protocol,
  queries: EmbeddingBlock,
  gallery: GallerySource,
  length: number,
): Promise<TopLists> {
  const nearest = new Nearest(protocol, queries, length);
  const { count, rowsPerBlock } = gallery;
  for (let number = 0; number * rowsPerBlock < count; number++) {
    const block = await gallery.read(number);
    kernel.setBlock(block, () => false);
    kernel.eachRow(block, (query, item, scores) => nearest.add(queries.start + query, item, scores, -1));
  }
  const squares = kernel.querySquares();
  return nearest.end(itemLabels(gallery.labels, undefined), (value, query) =>
    distanceOf(distance, -value, squares[query - queries.start]),
  );
}
