import { scoreQuery } from './average-precision.ts';
import { sortByScore } from './merge-sort.ts';
import type { Protocol } from './protocols.ts';
import { QueryScores } from './scores.ts';

/**
 * A list of gallery items for each of some queries: that of query q, counted from the first, is
 * `items[starts[q]]` to `items[starts[q + 1] − 1]`.
 */
export interface ItemLists {
  readonly starts: Int32Array;
  readonly items: Int32Array;
}

/**
 * What ranking needs to know of a gallery. A score is a number that orders the items for one query: the
 * higher, the nearer.
 */
export interface GalleryScorer<Scores extends Float32Array | Float64Array> {
  /** The score of every list entry; each list ascends by item. */
  locate(lists: ItemLists): Promise<Scores>;
  /**
   * For every list entry, how many gallery items stand before it, other entries included: those of a higher
   * score, and those of the same score and a lower index. Each list is in that order itself. Items that no
   * list keeps are not counted.
   */
  countBefore(lists: ItemLists, scores: Scores): Promise<Int32Array>;
}

/**
 * Ranks queries `start` to `start + count − 1` against the gallery, exactly, and scores each.
 *
 * The order of a query's list is by distance, ties broken by the lower gallery index. The list is never
 * built: the rank of a correct match is one plus the number of kept items before it. So one pass over the
 * gallery finds where the correct matches lie, a second counts what stands before each, and memory does
 * not grow with the gallery. Items that the protocol leaves out for one query only are located beside its
 * matches and taken off the counts.
 */
export async function rankQueries<Scores extends Float32Array | Float64Array>(
  protocol: Protocol,
  queries: { readonly start: number; readonly count: number },
  gallery: GalleryScorer<Scores>,
): Promise<QueryScores> {
  const located = new LocatedItems(protocol, queries);
  const matches = rankedMatches(located, await gallery.locate(located));
  return scoreMatches(protocol, queries, matches, await gallery.countBefore(matches, matches.scores));
}

/** Scores queries by how many gallery items stand before each of their matches, left out ones included. */
export function scoreMatches(
  protocol: Protocol,
  queries: { readonly start: number; readonly count: number },
  matches: RankedMatches<Float32Array | Float64Array>,
  before: Int32Array,
): QueryScores {
  const result = new QueryScores(queries.start, queries.count);
  for (let q = 0; q < queries.count; q++) {
    const ranks: number[] = [];
    for (let i = matches.starts[q]; i < matches.starts[q + 1]; i++) {
      ranks.push(before[i] - matches.leftOutBefore[i] + 1);
    }
    result.set(q, scoreQuery(ranks), protocol.keptCount(queries.start + q));
  }
  return result;
}

/** Of each query the correct matches and, where there are any, the items left out for it; by index. */
export class LocatedItems implements ItemLists {
  readonly starts: Int32Array;
  readonly items: Int32Array;
  /** 1 for a correct match, 0 for an item left out. */
  readonly isMatch: Uint8Array;
  readonly matchCount: number;

  constructor(protocol: Protocol, { start, count }: { readonly start: number; readonly count: number }) {
    this.starts = new Int32Array(count + 1);
    const lists = Array.from({ length: count }, (_, q) => {
      const matches = protocol.matches(start + q);
      const leftOut = matches.length === 0 ? [] : protocol.leftOut(start + q);
      this.starts[q + 1] = this.starts[q] + matches.length + leftOut.length;
      return { matches, leftOut };
    });
    this.items = new Int32Array(this.starts[count]);
    this.isMatch = new Uint8Array(this.starts[count]);
    let matchCount = 0;
    let place = 0;
    for (const { matches, leftOut } of lists) {
      matchCount += matches.length;
      for (let m = 0, l = 0; m < matches.length || l < leftOut.length; place++) {
        const takesMatch = l === leftOut.length || matches[m] < leftOut[l];
        this.isMatch[place] = Number(takesMatch);
        this.items[place] = takesMatch ? matches[m++] : leftOut[l++];
      }
    }
    this.matchCount = matchCount;
  }
}

/** The correct matches of some queries, each query's in ranked order. */
export interface RankedMatches<Scores> extends ItemLists {
  readonly scores: Scores;
  /** Of each match: how many of the items left out for its query stand before it. */
  readonly leftOutBefore: Int32Array;
}

/** The matches alone, in ranked order, from the scores of all that was located. */
export function rankedMatches<Scores extends Float32Array | Float64Array>(
  { starts, items, isMatch, matchCount }: LocatedItems,
  scores: Scores,
): RankedMatches<Scores> {
  const ranked = {
    starts: new Int32Array(starts.length),
    items: new Int32Array(matchCount),
    scores: new (scores.constructor as new (length: number) => Scores)(matchCount),
    leftOutBefore: new Int32Array(matchCount),
  };
  const longest = starts.reduce((most, start, q) => Math.max(most, start - (starts[q - 1] ?? 0)), 0);
  const order = new Int32Array(longest);
  const scratch = new Int32Array(longest);
  let place = 0;
  for (let q = 0; q + 1 < starts.length; q++) {
    const length = starts[q + 1] - starts[q];
    for (let i = 0; i < length; i++) order[i] = starts[q] + i;
    // They ascend by item, and the sort keeps the order of what is equal.
    sortByScore(order, scratch, length, scores);
    let leftOut = 0;
    for (let i = 0; i < length; i++) {
      if (isMatch[order[i]] === 0) {
        leftOut++;
        continue;
      }
      ranked.items[place] = items[order[i]];
      ranked.scores[place] = scores[order[i]];
      ranked.leftOutBefore[place++] = leftOut;
    }
    ranked.starts[q + 1] = place;
  }
  return ranked;
}
