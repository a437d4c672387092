/**
 * Rows that are zero but for a few columns, in memory that is known before they are: each row has room for
 * `capacity` columns, ascending.
 */
export class SparseRows {
  readonly capacity: number;
  readonly lengths: Int32Array;
  readonly columns: Int32Array;
  readonly values: Float64Array;

  constructor(rows: number, capacity: number) {
    this.capacity = capacity;
    this.lengths = new Int32Array(rows);
    this.columns = new Int32Array(rows * capacity);
    this.values = new Float64Array(rows * capacity);
  }

  /** What so many rows take. */
  static bytes(rows: number, capacity: number): number {
    return rows * (4 + 12 * capacity);
  }

  /** @param columns ascending, as many as fit. */
  set(row: number, columns: readonly number[], value: (column: number, place: number) => number): void {
    this.lengths[row] = columns.length;
    for (const [place, column] of columns.entries()) {
      this.columns[row * this.capacity + place] = column;
      this.values[row * this.capacity + place] = value(column, place);
    }
  }
}

/** Bytes that {@link decodeRows} turns back into the same rows: what they hold, without what they had room for. */
export function encodeRows({ capacity, lengths, columns, values }: SparseRows): Uint8Array {
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const bytes = new Uint8Array(4 * (1 + lengths.length) + 12 * total);
  const view = new DataView(bytes.buffer);
  view.setInt32(0, lengths.length, true);
  let at = 4;
  for (const [row, length] of lengths.entries()) {
    view.setInt32(at, length, true);
    at += 4;
    for (let i = row * capacity; i < row * capacity + length; i++, at += 12) {
      view.setInt32(at, columns[i], true);
      view.setFloat64(at + 4, values[i], true);
    }
  }
  return bytes;
}

/** Rows one after the other, as they were encoded. @throws {RangeError} if the bytes are not rows. */
export function* decodeRows(bytes: Uint8Array): Generator<{ columns: number[]; values: number[] }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rows = view.getInt32(0, true);
  let at = 4;
  for (let row = 0; row < rows; row++) {
    const length = view.getInt32(at, true);
    at += 4;
    const columns: number[] = [];
    const values: number[] = [];
    for (let i = 0; i < length; i++, at += 12) {
      columns.push(view.getInt32(at, true));
      values.push(view.getFloat64(at + 4, true));
    }
    yield { columns, values };
  }
  if (at !== bytes.length) throw new RangeError(`${bytes.length} bytes are not sparse rows.`);
}

/** The sum over all columns of the smaller value of two rows. Runs along the columns, ascending. */
export function sumOfMinima(a: SparseRows, rowOfA: number, b: SparseRows, rowOfB: number): number {
  let [i, j] = [rowOfA * a.capacity, rowOfB * b.capacity];
  const [endOfA, endOfB] = [i + a.lengths[rowOfA], j + b.lengths[rowOfB]];
  let sum = 0;
  while (i < endOfA && j < endOfB) {
    const difference = a.columns[i] - b.columns[j];
    if (difference === 0) sum += Math.min(a.values[i], b.values[j]);
    if (difference <= 0) i++;
    if (difference >= 0) j++;
  }
  return sum;
}

/** The entries of some rows by column, to meet another row with all of them at once. */
export class InvertedRows {
  readonly #starts: Int32Array;
  readonly #rows: Int32Array;
  readonly #values: Float64Array;

  constructor(rows: SparseRows, columnCount: number) {
    const starts = new Int32Array(columnCount + 1);
    const entries = (visit: (row: number, column: number, value: number) => void) => {
      for (let row = 0; row < rows.lengths.length; row++) {
        const start = row * rows.capacity;
        for (let i = start; i < start + rows.lengths[row]; i++) visit(row, rows.columns[i], rows.values[i]);
      }
    };
    entries((_, column) => starts[column + 1]++);
    for (let column = 0; column < columnCount; column++) starts[column + 1] += starts[column];
    this.#starts = starts;
    this.#rows = new Int32Array(starts[columnCount]);
    this.#values = new Float64Array(starts[columnCount]);
    const next = starts.slice();
    entries((row, column, value) => {
      const place = next[column]++;
      this.#rows[place] = row;
      this.#values[place] = value;
    });
  }

  /** What the entries of so many rows take at most. */
  static bytes(rows: number, capacity: number, columnCount: number): number {
    return 12 * rows * capacity + 8 * (columnCount + 1);
  }

  /** {@link sumOfMinima} of a row with each of these rows, to the same bits. */
  sumsOfMinima(a: SparseRows, rowOfA: number, sums: Float64Array): void {
    sums.fill(0);
    const start = rowOfA * a.capacity;
    for (let i = start; i < start + a.lengths[rowOfA]; i++) {
      const column = a.columns[i];
      const value = a.values[i];
      const end = this.#starts[column + 1];
      for (let place = this.#starts[column]; place < end; place++) {
        sums[this.#rows[place]] += Math.min(value, this.#values[place]);
      }
    }
  }
}
