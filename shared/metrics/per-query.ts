import type { Labels } from './protocols.ts';
import type { QueryScores } from './scores.ts';

/** One query of an evaluation, as two evaluations are compared by. */
export interface QueryRecord {
  readonly query: number;
  readonly identity: number;
  readonly camera: number;
  /** `undefined` where the query was skipped: it has no correct match in its list. */
  readonly score: { readonly averagePrecision: number; readonly firstMatchRank: number } | undefined;
}

/** The records of all queries, in their order. */
export function queryRecords(scores: readonly QueryScores[], queries: Labels): QueryRecord[] {
  return [...scores]
    .sort((a, b) => a.start - b.start)
    .flatMap((part) =>
      Array.from({ length: part.count }, (_, index) => {
        const query = part.start + index;
        return {
          query,
          identity: queries.identities[query],
          camera: queries.cameras[query],
          score: part.at(index).score,
        };
      }),
    );
}
