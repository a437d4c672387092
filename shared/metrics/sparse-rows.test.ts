import { expect, test } from 'vitest';
import { createRandom } from '../random.ts';
import { decodeNeighbours, encodeNeighbours } from './nearest-neighbours.ts';
import { decodeRows, encodeRows, InvertedRows, SparseRows, sumOfMinima } from './sparse-rows.ts';

const random = createRandom(95);

function randomRows(count: number, columns: number): { rows: SparseRows; dense: number[][] } {
  const rows = new SparseRows(count, columns);
  const dense = Array.from({ length: count }, (_, row) => {
    const values = Array.from({ length: columns }, () => (random.uniform() < 0.4 ? random.uniform() : 0));
    const filled = [...values.keys()].filter((column) => values[column] > 0);
    rows.set(row, filled, (column) => values[column]);
    return values;
  });
  return { rows, dense };
}

test('sums of minima are those of the dense rows, one by one and all at once', () => {
  const [a, b] = [randomRows(5, 20), randomRows(7, 20)];
  const inverted = new InvertedRows(b.rows, 20);
  for (const [i, left] of a.dense.entries()) {
    const sums = new Float64Array(7);
    inverted.sumsOfMinima(a.rows, i, sums);
    for (const [j, right] of b.dense.entries()) {
      const expected = left.reduce((sum, value, column) => sum + Math.min(value, right[column]), 0);
      expect(sums[j]).toBeCloseTo(expected, 12);
      expect(sumOfMinima(a.rows, i, b.rows, j)).toBe(sums[j]);
    }
  }
});

test('rows go through bytes, without the room that they did not use', () => {
  const { rows, dense } = randomRows(6, 30);
  const bytes = encodeRows(rows);
  const filled = dense.flat().filter((value) => value > 0).length;
  expect(bytes.length).toBe(4 + 4 * 6 + 12 * filled);
  const decoded = [...decodeRows(bytes)];
  expect(decoded).toHaveLength(6);
  for (const [i, { columns, values }] of decoded.entries()) {
    const row = new Array(30).fill(0);
    for (const [place, column] of columns.entries()) row[column] = values[place];
    expect(row).toEqual(dense[i]);
  }
  expect(() => [...decodeRows(bytes.subarray(0, bytes.length - 12))]).toThrow(RangeError);
});

test('neighbours go through bytes', () => {
  const found = { items: Int32Array.of(3, 1, 4, 1, 5, 9), furthest: Float64Array.of(0.1, 0.2) };
  expect(decodeNeighbours(encodeNeighbours(found), 3)).toStrictEqual(found);
  expect(() => decodeNeighbours(encodeNeighbours(found), 4)).toThrow(RangeError);
});
