import { request } from './request.ts';

/** One line of an evaluation's queries.csv; a skipped query has no scores. */
export interface QueryLine {
  readonly query: number;
  readonly identity: number;
  readonly camera: number;
  readonly averagePrecision: number | undefined;
  readonly firstMatchRank: number | undefined;
}

/** The scores of every query of an evaluation. */
export async function readQueryTable(evaluation: string, signal?: AbortSignal): Promise<QueryLine[]> {
  const response = await request(`/v1/evaluations/${evaluation}/queries.csv`, { signal });
  return parseQueryTable(await response.text());
}

/** @throws {RangeError} where the columns are others than are known here. */
export function parseQueryTable(text: string): QueryLine[] {
  const [header, ...lines] = text.trimEnd().split('\n');
  if (header !== 'query,identity,camera,averagePrecision,firstMatchRank,skipped') {
    throw new RangeError(`The table of queries has the columns "${header}".`);
  }
  return lines.map((line) => {
    const [query, identity, camera, averagePrecision, firstMatchRank] = line.split(',');
    return {
      ...{ query: Number(query), identity: Number(identity), camera: Number(camera) },
      averagePrecision: averagePrecision === '' ? undefined : Number(averagePrecision),
      firstMatchRank: firstMatchRank === '' ? undefined : Number(firstMatchRank),
    };
  });
}
