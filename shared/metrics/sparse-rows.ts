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
