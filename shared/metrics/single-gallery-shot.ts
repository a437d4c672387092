import { createRandom } from '../random.ts';
import type { GalleryReader } from './gallery-distances.ts';
import type { Protocol } from './protocols.ts';
import { MAX_RANK } from './summary.ts';

/** How often a gallery of one item an identity is drawn for each query, and from which seed. */
export interface SingleShotDraws {
  readonly repeats: number;
  readonly seed: number;
}

/** What the draws of some queries found: whole numbers, which add up to the same in any order. */
export interface SingleShotHits {
  readonly queries: number;
  /** Over all draws of these queries: how often the correct match came at a rank (index 1 to 50). */
  readonly hits: Float64Array;
  /** The smallest number of identities in the list of a query; infinite without queries. */
  readonly shortest: number;
}

/** Bytes that {@link decodeHits} turns back into the same hits. */
export function encodeHits({ queries, shortest, hits }: SingleShotHits): Uint8Array {
  return new Uint8Array(Float64Array.of(queries, shortest, ...hits).buffer);
}

/** @throws {RangeError} if the bytes are not what {@link encodeHits} gives. */
export function decodeHits(bytes: Uint8Array): SingleShotHits {
  if (bytes.length !== 8 * (2 + MAX_RANK + 1)) {
    throw new RangeError(`${bytes.length} bytes are not what single-shot draws found.`);
  }
  const [queries, shortest, ...hits] = new Float64Array(new Uint8Array(bytes).buffer);
  return { queries, shortest, hits: Float64Array.from(hits) };
}

/**
 * Draws single-shot galleries for queries `start` to `start + count − 1`: CUHK03's first protocol (Li et
 * al., "DeepReID", CVPR 2014), as torchreid's `eval_cuhk03` has it. For each query and draw, one item of
 * every identity in the query's list is drawn, uniformly, and the rank of the correct match among them is
 * counted. Queries without a correct match draw nothing.
 *
 * Each query has a random stream of its own, in which identities draw in the order of their first kept
 * items: how queries are cut into shards changes nothing. One row of distances a query is in memory.
 */
export async function drawSingleShots(
  { repeats, seed }: SingleShotDraws,
  protocol: Protocol,
  queries: { readonly start: number; readonly count: number },
  identities: Int32Array,
  gallery: GalleryReader,
): Promise<SingleShotHits> {
  const valid = Array.from({ length: queries.count }, (_, q) => queries.start + q)
    .filter((query) => protocol.matches(query).length > 0)
    .map((query) => ({ query, distances: new Float64Array(identities.length) }));
  for await (const block of gallery(() => valid.length > 0)) {
    for (const { query, distances } of valid) distances.set(block.row(query), block.start);
  }

  const hits = new Float64Array(MAX_RANK + 1);
  let shortest = Number.POSITIVE_INFINITY;
  const all = listsOf(identities, protocol);
  for (const { query, distances } of valid) {
    const candidates = keptLists(all, protocol.leftOut(query), identities);
    shortest = Math.min(shortest, candidates.length);
    const [firstMatch] = protocol.matches(query);
    const own = candidates.findIndex((list) => list[0] === firstMatch);
    const random = createRandom(seed, query);
    const drawn = new Int32Array(candidates.length);
    for (let repeat = 0; repeat < repeats; repeat++) {
      for (let i = 0; i < drawn.length; i++) drawn[i] = candidates[i][random.integer(candidates[i].length)];
      const match = drawn[own];
      const limit = distances[match];
      let before = 0;
      for (const item of drawn) {
        if (distances[item] < limit || (distances[item] === limit && item < match)) before++;
      }
      if (before < MAX_RANK) hits[before + 1]++;
    }
  }
  return { queries: valid.length, hits, shortest };
}

/** The items of every identity, but for those that are in no list. */
function listsOf(identities: Int32Array, protocol: Protocol): Map<number, number[]> {
  const lists = new Map<number, number[]>();
  for (const [item, identity] of identities.entries()) {
    if (protocol.drops(item)) continue;
    const list = lists.get(identity);
    if (list === undefined) lists.set(identity, [item]);
    else list.push(item);
  }
  return lists;
}

/** The lists without the items that are left out, in the order of what is first in each. */
function keptLists(
  all: ReadonlyMap<number, readonly number[]>,
  leftOut: readonly number[],
  identities: Int32Array,
): (readonly number[])[] {
  const without = new Set(leftOut);
  const touched = new Set(leftOut.map((item) => identities[item]));
  return [...all]
    .map(([identity, list]) => (touched.has(identity) ? list.filter((item) => !without.has(item)) : list))
    .filter((list) => list.length > 0)
    .sort((a, b) => a[0] - b[0]);
}

/** What the draws of two lots of queries found together. */
export function addHits(a: SingleShotHits | undefined, b: SingleShotHits): SingleShotHits {
  if (a === undefined) return b;
  return {
    queries: a.queries + b.queries,
    hits: a.hits.map((found, rank) => found + b.hits[rank]),
    shortest: Math.min(a.shortest, b.shortest),
  };
}

/**
 * The CMC curve over all draws, by rank. It ends at rank 50 or at the smallest number of identities in the
 * list of a query.
 */
export function singleShotCmc(
  drawn: SingleShotHits | undefined,
  { repeats }: SingleShotDraws,
): Record<string, number> {
  const cmc: Record<string, number> = {};
  if (drawn === undefined || drawn.queries === 0) return cmc;
  let found = 0;
  for (let rank = 1; rank <= Math.min(MAX_RANK, drawn.shortest); rank++) {
    found += drawn.hits[rank];
    cmc[rank] = found / (drawn.queries * repeats);
  }
  return cmc;
}
