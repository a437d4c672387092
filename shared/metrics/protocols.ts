import { indicesByIdentity } from '../sets/identities.ts';
import { bindRule, type ExclusionRule } from './exclusion-rule.ts';

/** Identity and camera of every item of a set, by index, and the group (a track, a sequence) if it has any. */
export interface Labels {
  readonly identities: Int32Array;
  readonly cameras: Int32Array;
  readonly groups?: Int32Array;
}

/**
 * Which gallery items a query is ranked against.
 *
 * - `none`: every gallery item.
 * - `all`: a set against itself; everything but the query itself (the item of the same index).
 * - `market1501`: without junk (identity −1) and without items of the query's own identity and camera.
 *   Distractors (identity 0) are kept and match nothing. As torchreid and the authors' evaluation do
 *   (Zheng et al., "Scalable Person Re-identification: A Benchmark", ICCV 2015).
 * - `veri776`: the same rule; VeRi-776 image to image (Liu et al., "A Deep Learning-Based Approach to
 *   Progressive Vehicle Re-identification for Urban Surveillance", ECCV 2016).
 * - `cuhk03-np`: the same rule; CUHK03 by the split of 767 and 700 identities (Zhong et al., "Re-ranking
 *   Person Re-identification with k-reciprocal Encoding", CVPR 2017).
 */
export type ProtocolName = 'none' | 'all' | 'market1501' | 'veri776' | 'cuhk03-np';

export const protocolNames = [
  'none',
  'all',
  'market1501',
  'veri776',
  'cuhk03-np',
] as const satisfies ProtocolName[];

/** A protocol applied to a query set and a gallery set. */
export interface Protocol {
  /** Whether gallery item `item` is in the list of query `query`. */
  keeps(query: number, item: number): boolean;
  /** Whether gallery item `item` is in no list at all. */
  drops(item: number): boolean;
  /** The other gallery items that are not in the list of query `query`, in ascending order. */
  leftOut(query: number): number[];
  /** How many gallery items are in the list of query `query`. */
  keptCount(query: number): number;
  /** The kept gallery items of the query's identity, in ascending order. */
  matches(query: number): number[];
}

const JUNK = -1;
const DISTRACTOR = 0;

/** Binds a protocol, by its name or as a rule, to the labels of a query set and of a gallery set. */
export function bindProtocol(
  protocol: ProtocolName | ExclusionRule,
  queries: Labels,
  gallery: Labels,
): Protocol {
  if (typeof protocol === 'object') return bindRule(protocol, queries, gallery);
  const galleryCount = gallery.identities.length;
  const itemsOf = indicesByIdentity(gallery.identities, new Set(queries.identities));
  const sameIdentity = (query: number) => itemsOf.get(queries.identities[query]) ?? [];

  switch (protocol) {
    case 'none':
      return {
        keeps: () => true,
        drops: () => false,
        leftOut: () => [],
        keptCount: () => galleryCount,
        matches: sameIdentity,
      };
    case 'all':
      if (queries.identities.length !== galleryCount) {
        throw new RangeError(
          `The protocol "all" ranks a set against itself: ${queries.identities.length} queries, ${galleryCount} gallery items.`,
        );
      }
      return {
        keeps: (query, item) => item !== query,
        drops: () => false,
        leftOut: (query) => [query],
        keptCount: () => galleryCount - 1,
        matches: (query) => sameIdentity(query).filter((item) => item !== query),
      };
    case 'market1501':
    case 'veri776':
    case 'cuhk03-np': {
      const junk = gallery.identities.reduce((count, identity) => count + Number(identity === JUNK), 0);
      const sameCamera = (query: number, item: number) => gallery.cameras[item] === queries.cameras[query];
      const leftOut = (query: number) => {
        if (queries.identities[query] === JUNK) return [];
        return sameIdentity(query).filter((item) => sameCamera(query, item));
      };
      return {
        keeps: (query, item) =>
          gallery.identities[item] !== JUNK &&
          !(gallery.identities[item] === queries.identities[query] && sameCamera(query, item)),
        drops: (item) => gallery.identities[item] === JUNK,
        leftOut,
        keptCount: (query) => galleryCount - junk - leftOut(query).length,
        matches(query) {
          const identity = queries.identities[query];
          if (identity === JUNK || identity === DISTRACTOR) return [];
          return sameIdentity(query).filter((item) => !sameCamera(query, item));
        },
      };
    }
  }
}
