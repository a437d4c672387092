import type { ItemLists, LocatedItems } from './rank.ts';

/** Consecutive gallery items: of a gallery that is cut, one of its pieces. */
export interface GalleryRange {
  readonly start: number;
  readonly count: number;
}

/** The scores of what was located in one range of the gallery, in the order of its lists. */
export interface LocatedScores {
  readonly range: GalleryRange;
  readonly scores: Float32Array;
}

/** Of each list, the items that lie in a range. Lists ascend by item. */
export function listsWithin({ starts, items }: ItemLists, { start, count }: GalleryRange): ItemLists {
  const inside = (item: number) => item >= start && item < start + count;
  const cut = { starts: new Int32Array(starts.length), items: items.filter(inside) };
  for (let q = 0; q + 1 < starts.length; q++) {
    let length = 0;
    for (let i = starts[q]; i < starts[q + 1]; i++) length += Number(inside(items[i]));
    cut.starts[q + 1] = cut.starts[q] + length;
  }
  return cut;
}

/**
 * Puts the scores of what was located in each range together, as they would be of the whole gallery.
 *
 * @param parts of ranges that make up the gallery, in ascending order.
 * @throws {RangeError} where parts are missing, or are not of these lists.
 */
export function joinLocated({ starts, items }: LocatedItems, parts: readonly LocatedScores[]): Float32Array {
  const joined = new Float32Array(items.length);
  const next = new Int32Array(parts.length);
  for (let q = 0; q + 1 < starts.length; q++) {
    let part = 0;
    for (let i = starts[q]; i < starts[q + 1]; i++) {
      while (part < parts.length && items[i] >= endOf(parts[part].range)) part++;
      if (
        part === parts.length ||
        items[i] < parts[part].range.start ||
        next[part] >= parts[part].scores.length
      ) {
        throw new RangeError(`The score of gallery item ${items[i]} was not brought by any range.`);
      }
      joined[i] = parts[part].scores[next[part]++];
    }
  }
  for (const [part, { range, scores }] of parts.entries()) {
    if (next[part] !== scores.length) {
      throw new RangeError(
        `${scores.length} scores of gallery items ${range.start} to ${endOf(range) - 1} came; ${next[part]} were located.`,
      );
    }
  }
  return joined;
}

/**
 * Adds up, for each match, how many items of each range stand before it.
 *
 * @throws {RangeError} where a part has counts of another number of matches.
 */
export function addCounts(matches: number, parts: Iterable<Int32Array>): Int32Array {
  const sums = new Int32Array(matches);
  for (const counts of parts) {
    if (counts.length !== matches) {
      throw new RangeError(`Counts of ${counts.length} matches came; there are ${matches}.`);
    }
    for (let i = 0; i < matches; i++) sums[i] += counts[i];
  }
  return sums;
}

function endOf({ start, count }: GalleryRange): number {
  return start + count;
}
