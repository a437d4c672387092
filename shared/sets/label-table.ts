import type { ByteReader } from './byte-reader.ts';
import { CsvError, CsvReader, csvRows, parseCsvNumber } from './csv.ts';
import { SetError } from './embedding-set.ts';
import { readLines } from './lines.ts';

/** Labels of a CSV file, a row an item. */
export interface LabelTable {
  readonly identities: Int32Array;
  readonly cameras: Int32Array;
  readonly groups?: Int32Array;
  /** Where the file has the column, and the caller wants it. */
  readonly paths?: readonly string[];
}

interface Options {
  readonly paths?: boolean;
  readonly mostRows?: number;
}

/**
 * Parses labels as CSV: the columns `identity` and `camera`, and optionally `group` and `path`, in any order
 * under a line that names them; one line an item. Throws {@link SetError} that names line and column.
 *
 * @param paths whether the column `path` has to be there and is kept; else it is not read.
 * @param mostRows more rows than these are refused.
 */
export function parseLabelTable(text: string, options: Options = {}): LabelTable {
  return namingLabels(() => {
    const table = new LabelRows(options);
    for (const row of csvRows(text, table.required, table.optional)) table.take(row);
    return table.end();
  });
}

/** The same as it comes, of which a line and the labels are held. */
export async function readLabelTable(body: ByteReader, options: Options = {}): Promise<LabelTable> {
  const table = new LabelRows(options);
  const reader = new CsvReader(table.required, table.optional);
  for await (const line of readLines(body)) namingLabels(() => table.take(reader.read(line)));
  return namingLabels(() => {
    reader.end();
    return table.end();
  });
}

function namingLabels<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (error instanceof CsvError) throw new SetError('labels', `labels: ${error.message}`);
    throw error;
  }
}

/** Takes the rows of a table of labels, that which names the columns first. */
class LabelRows {
  readonly required: readonly string[];
  readonly optional: readonly string[];
  readonly #keepsPaths: boolean;
  readonly #mostRows: number;
  #wanted: { readonly name: string; readonly place: number; readonly labels: GrowingLabels }[] | undefined;
  #pathPlace = -1;
  readonly #paths: string[] = [];
  #rows = 0;

  constructor({ paths = false, mostRows = Number.POSITIVE_INFINITY }: Options) {
    this.required = ['identity', 'camera', ...(paths ? ['path'] : [])];
    this.optional = paths ? ['group'] : ['group', 'path'];
    this.#keepsPaths = paths;
    this.#mostRows = mostRows;
  }

  take(row: readonly string[]): void {
    if (this.#wanted === undefined) {
      const names = ['identity', 'camera', 'group'].filter((name) => row.includes(name));
      this.#wanted = names.map((name) => ({ name, place: row.indexOf(name), labels: new GrowingLabels() }));
      this.#pathPlace = row.indexOf('path');
      return;
    }
    const line = ++this.#rows + 1;
    if (this.#rows > this.#mostRows) {
      throw new CsvError(`line ${line}: up to ${this.#mostRows} rows of labels are read.`);
    }
    for (const { name, place, labels } of this.#wanted) {
      const value = parseCsvNumber(row[place], line, name);
      if ((value | 0) !== value) {
        throw new CsvError(`line ${line}: ${name} is ${value}, not a whole number of 32 bits.`);
      }
      labels.push(value);
    }
    if (this.#keepsPaths) this.#paths.push(row[this.#pathPlace]);
  }

  end(): LabelTable {
    const [identities, cameras, groups] = (this.#wanted ?? []).map(({ labels }) => labels.end());
    return {
      identities,
      cameras,
      ...(groups !== undefined && { groups }),
      ...(this.#keepsPaths && { paths: this.#paths }),
    };
  }
}

/** Labels whose number shows at their end. */
class GrowingLabels {
  #values = new Int32Array(1024);
  #length = 0;

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const values = new Int32Array(2 * this.#length);
      values.set(this.#values);
      this.#values = values;
    }
    this.#values[this.#length++] = value;
  }

  end(): Int32Array {
    return this.#values.slice(0, this.#length);
  }
}
