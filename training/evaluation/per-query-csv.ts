import type { QueryRecord } from '@softmargin/shared/metrics/per-query.ts';
import { CsvError, csvNumber, parseCsv } from '@softmargin/shared/sets/csv.ts';

const COLUMNS = ['query', 'identity', 'camera', 'averagePrecision', 'firstMatchRank', 'skipped'];

/** One line a query: numbers in full, so that the mean of a column is the reported one. */
export function writePerQueryCsv(records: readonly QueryRecord[]): string {
  const lines = records.map(({ query, identity, camera, score }) =>
    [
      ...[query, identity, camera],
      ...(score === undefined ? ['', '', true] : [score.averagePrecision, score.firstMatchRank, false]),
    ].join(','),
  );
  return `${[COLUMNS.join(','), ...lines].join('\n')}\n`;
}

/** Reads what {@link writePerQueryCsv} writes. @throws {CsvError} that names line and column. */
export function readPerQueryCsv(text: string): QueryRecord[] {
  const table = parseCsv(text, COLUMNS, []);
  const skipped = table.columns.indexOf('skipped');
  return table.rows.map((row, i) => {
    if (row[skipped] !== 'true' && row[skipped] !== 'false') {
      throw new CsvError(`line ${i + 2}: skipped is "${row[skipped]}", not true or false.`);
    }
    return {
      query: csvNumber(table, i, 'query'),
      identity: csvNumber(table, i, 'identity'),
      camera: csvNumber(table, i, 'camera'),
      score:
        row[skipped] === 'true'
          ? undefined
          : {
              averagePrecision: csvNumber(table, i, 'averagePrecision'),
              firstMatchRank: csvNumber(table, i, 'firstMatchRank'),
            },
    };
  });
}
