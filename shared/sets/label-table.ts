import { CsvError, csvRows, parseCsvNumber } from './csv.ts';
import { SetError } from './embedding-set.ts';

/** Labels of a CSV file, a row an item. */
export interface LabelTable {
  readonly identities: Int32Array;
  readonly cameras: Int32Array;
  readonly groups?: Int32Array;
  /** Where the file has the column, and the caller wants it. */
  readonly paths?: readonly string[];
}

/**
 * Parses labels as CSV: the columns `identity` and `camera`, and optionally `group` and `path`, in any order
 * under a line that names them; one line an item. Throws {@link SetError} that names line and column.
 *
 * @param paths whether the column `path` has to be there and is kept; else it is not read.
 * @param mostRows more rows than these are refused.
 */
export function parseLabelTable(
  text: string,
  { paths = false, mostRows = Number.POSITIVE_INFINITY }: { paths?: boolean; mostRows?: number } = {},
): LabelTable {
  try {
    const rows = csvRows(
      text,
      ['identity', 'camera', ...(paths ? ['path'] : [])],
      paths ? ['group'] : ['group', 'path'],
    );
    const columns = rows.next().value ?? [];
    const labels: Record<'identity' | 'camera' | 'group', number[]> = { identity: [], camera: [], group: [] };
    const wanted = (['identity', 'camera', 'group'] as const).filter((column) => columns.includes(column));
    const places = wanted.map((column) => columns.indexOf(column));
    const pathPlace = columns.indexOf('path');
    const kept: string[] = [];
    let line = 1;
    for (const row of rows) {
      line++;
      if (line - 1 > mostRows) throw new CsvError(`line ${line}: up to ${mostRows} rows of labels are read.`);
      for (const [i, column] of wanted.entries()) {
        const value = parseCsvNumber(row[places[i]], line, column);
        if ((value | 0) !== value) {
          throw new CsvError(`line ${line}: ${column} is ${value}, not a whole number of 32 bits.`);
        }
        labels[column].push(value);
      }
      if (paths) kept.push(row[pathPlace]);
    }
    return {
      identities: Int32Array.from(labels.identity),
      cameras: Int32Array.from(labels.camera),
      ...(columns.includes('group') && { groups: Int32Array.from(labels.group) }),
      ...(paths && { paths: kept }),
    };
  } catch (error) {
    if (error instanceof CsvError) throw new SetError('labels', `labels: ${error.message}`);
    throw error;
  }
}
