import type { QueryRecord } from './per-query.ts';
import type { TopItem, TopLists } from './top-lists.ts';

/** A query with its scores and the first places of its list. A skipped one has no scores. */
export interface QueryEntry {
  readonly query: number;
  readonly identity: number;
  readonly camera: number;
  readonly averagePrecision: number | null;
  readonly firstMatchRank: number | null;
  readonly skipped: boolean;
  readonly nearest?: readonly TopItem[];
}

/** The entry of a query. @param nearest lists that it is among, if any were kept. */
export function queryEntry(
  { query, identity, camera, score }: QueryRecord,
  nearest: TopLists | undefined,
): QueryEntry {
  return {
    query,
    identity,
    camera,
    averagePrecision: score?.averagePrecision ?? null,
    firstMatchRank: score?.firstMatchRank ?? null,
    skipped: score === undefined,
    ...(nearest !== undefined && { nearest: nearest.of(query) }),
  };
}
