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
  const [columns, ...rows] = csvRows(text, required, optional);
  return { columns, rows };
}

/** The same row by row, the names of the columns first: a table of a million rows is not held. */
export function* csvRows(
  text: string,
  required: readonly string[],
  optional: readonly string[],
): Generator<string[], void, undefined> {
  const reader = new CsvReader(required, optional);
  for (const line of linesOf(text.replace(/^\uFEFF/, ''))) yield reader.read(line);
  reader.end();
}

/** The same line by line, as they come. */
export class CsvReader {
  readonly #required: readonly string[];
  readonly #optional: readonly string[];
  #columns: readonly string[] | undefined;
  #line = 0;

  constructor(required: readonly string[], optional: readonly string[]) {
    this.#required = required;
    this.#optional = optional;
  }

  /** The fields of the next line; of the first, the names of the columns. */
  read(line: string): string[] {
    this.#line++;
    const fields = parseLine(line.replace(/\r$/, ''), this.#line);
    if (this.#columns === undefined) {
      this.#columns = fields;
      checkColumns(fields, this.#required, this.#optional);
    } else if (fields.length !== this.#columns.length) {
      throw new CsvError(
        `line ${this.#line} has ${fields.length} fields for ${this.#columns.length} columns.`,
      );
    }
    return fields;
  }

  /** Refuses a table without even the names of its columns. */
  end(): void {
    if (this.#columns === undefined) checkColumns([], this.#required, this.#optional);
  }
}

function checkColumns(
  columns: readonly string[],
  required: readonly string[],
  optional: readonly string[],
): void {
  const expected = `it has to name ${required.join(', ')}${optional.length > 0 ? ` and may name ${optional.join(', ')}` : ''}`;
  for (const [i, column] of columns.entries()) {
    if (columns.indexOf(column) < i) throw new CsvError(`line 1: the column "${column}" is there twice.`);
    if (!required.includes(column) && !optional.includes(column)) {
      throw new CsvError(`line 1: there is no column "${column}"; ${expected}.`);
    }
  }
  const missing = required.find((column) => !columns.includes(column));
  if (missing !== undefined) throw new CsvError(`line 1: the column "${missing}" is missing; ${expected}.`);
}

/** The lines of a text, without their breaks; nothing behind the last break is no line. */
function* linesOf(text: string): Generator<string, void, undefined> {
  for (let start = 0; start < text.length; ) {
    const found = text.indexOf('\n', start);
    const end = found < 0 ? text.length : found;
    yield text.slice(start, end);
    start = end + 1;
  }
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
  return parseCsvNumber(rows[row][columns.indexOf(column)], row + 2, column);
}

/** The text of a field as a number. @throws {CsvError} that names line and column. */
export function parseCsvNumber(text: string, line: number, column: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) {
    throw new CsvError(`line ${line}: ${column} is "${text}", not a number.`);
  }
  return value;
}
