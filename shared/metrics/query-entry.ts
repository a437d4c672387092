import type { BoundSets } from './evaluate-sets.ts';
import type { Labels } from './protocols.ts';
import type { QueryScores } from './scores.ts';
import type { TopLists } from './top-lists.ts';

/** A place of a query's list. */
export interface NearestEntry {
  /** Index in the gallery set. Of a track, that of its first image. */
  readonly galleryIndex: number;
  readonly identity: number;
  readonly camera: number;
  /** Where the gallery set has groups. */
  readonly group?: number;
  readonly distance: number;
  /** Whether it is a correct match of the query. */
  readonly match: boolean;
}

/** A query with its scores and the first places of its list. A skipped one has no scores. */
export interface QueryEntry {
  readonly query: number;
  readonly identity: number;
  readonly camera: number;
  readonly averagePrecision: number | null;
  readonly firstMatchRank: number | null;
  readonly skipped: boolean;
  readonly nearest?: readonly NearestEntry[];
}

/** The entry of the query at an index within scores. @param nearest lists of these queries, if any were kept. */
export function queryEntry(
  scores: QueryScores,
  index: number,
  nearest: TopLists | undefined,
  queries: Labels,
  gallery: Labels,
  tracks: BoundSets['tracks'],
): QueryEntry {
  const query = scores.start + index;
  const { score } = scores.at(index);
  return {
    query,
    identity: queries.identities[query],
    camera: queries.cameras[query],
    averagePrecision: score?.averagePrecision ?? null,
    firstMatchRank: score?.firstMatchRank ?? null,
    skipped: score === undefined,
    ...(nearest !== undefined && {
      nearest: nearest.of(query).map(({ item, distance, match }) => {
        const galleryIndex = tracks === undefined ? item : tracks.firstOf[item];
        return {
          galleryIndex,
          identity: gallery.identities[galleryIndex],
          camera: gallery.cameras[galleryIndex],
          ...(gallery.groups !== undefined && { group: gallery.groups[galleryIndex] }),
          distance,
          match,
        };
      }),
    }),
  };
}
