/** What is wrong with a CSV file. The message names the line, from 1. */
export class CsvError extends Error {
  override readonly name = 'CsvError';
}

/** A CSV file that begins with the names of its columns. */
export interface CsvTable {
  readonly columns: readonly string[];
  /** As many fields each as there are columns. Row i is line i + 2. */
  readonly rows: readonly (readonly string[])[];
}

/**
 * Parses CSV (RFC 4180): a line a row, fields in quotes where they have commas or quotes in them. Line breaks
 * in fields are not read.
 *
 * @param required columns that must be there. @param optional columns that may be; any other is refused.
 * @throws {CsvError}
 */
export function parseCsv(text: string, required: readonly string[], optional: readonly string[]): CsvTable {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  const [columns = [], ...rows] = lines.map((line, i) => parseLine(line, i + 1));
  const expected = `it has to name ${required.join(', ')}${optional.length > 0 ? ` and may name ${optional.join(', ')}` : ''}`;
  for (const [i, column] of columns.entries()) {
    if (columns.indexOf(column) < i) throw new CsvError(`line 1: the column "${column}" is there twice.`);
    if (!required.includes(column) && !optional.includes(column)) {
      throw new CsvError(`line 1: there is no column "${column}"; ${expected}.`);
    }
  }
  const missing = required.find((column) => !columns.includes(column));
  if (missing !== undefined) throw new CsvError(`line 1: the column "${missing}" is missing; ${expected}.`);
  for (const [i, row] of rows.entries()) {
    if (row.length !== columns.length) {
      throw new CsvError(`line ${i + 2} has ${row.length} fields for ${columns.length} columns.`);
    }
  }
  return { columns, rows };
}

const FIELD = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;

function parseLine(line: string, number: number): string[] {
  const fields: string[] = [];
  FIELD.lastIndex = 0;
  for (;;) {
    const start = FIELD.lastIndex;
    const match = FIELD.exec(line);
    if (match === null)
      throw new CsvError(
        `line ${number}: field ${fields.length + 1} is not quoted right: ${line.slice(start, start + 20)}`,
      );
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2]);
    if (match[3] === '') return fields;
  }
}

/** A field as a number. @throws {CsvError} that names line and column. */
export function csvNumber({ columns, rows }: CsvTable, row: number, column: string): number {
  const text = rows[row][columns.indexOf(column)];
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) {
    throw new CsvError(`line ${row + 2}: ${column} is "${text}", not a number.`);
  }
  return value;
}
