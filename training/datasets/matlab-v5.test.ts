import { expect, test } from 'vitest';
import { PROTOCOL_FILES, SCIPY_PROTOCOL } from '../../test/matlab.ts';
import { readMatlabV5 } from './matlab-v5.ts';

test('reads what scipy wrote: numbers of several types, text and cells; complex numbers are passed over', () => {
  const variables = readMatlabV5(SCIPY_PROTOCOL);
  const numbers = (shape: number[], values: number[]) => ({
    kind: 'numbers',
    shape,
    values: Float64Array.from(values),
  });
  expect(Object.fromEntries(variables)).toEqual({
    filelist: { kind: 'cells', shape: [6, 1], cells: PROTOCOL_FILES.map((text) => ({ kind: 'text', text })) },
    labels: numbers([6, 1], [1, 1, 1, 2, 77, 300]),
    train_idx: numbers([2, 1], [1, 3]),
    query_idx: numbers([1, 1], [4]),
    gallery_idx: numbers([1, 2], [5, 6]),
    note: { kind: 'text', text: 'protocol' },
    // By columns.
    frac: numbers([2, 2], [0.5, 3e9, -1.25, 7]),
  });
});

/** An element with its tag, filled up to 8 bytes. */
function element(type: number, data: number[]): number[] {
  const filled = [...data, ...new Array((8 - (data.length % 8)) % 8).fill(0)];
  return [type, 0, 0, 0, data.length, 0, 0, 0, ...filled];
}

test('reads numbers that are not compressed, and an element that is packed into its tag', () => {
  const flags = element(6, [9, 0, 0, 0, 0, 0, 0, 0]);
  const shape = element(5, [1, 0, 0, 0, 2, 0, 0, 0]);
  const name = [1, 0, 1, 0, 'x'.charCodeAt(0), 0, 0, 0];
  const values = [2, 0, 2, 0, 200, 7, 0, 0];
  const file = Uint8Array.from([
    ...SCIPY_PROTOCOL.subarray(0, 128),
    ...element(14, [...flags, ...shape, ...name, ...values]),
  ]);
  expect(readMatlabV5(file)).toEqual(
    new Map([['x', { kind: 'numbers', shape: [1, 2], values: Float64Array.of(200, 7) }]]),
  );
});

test.each([
  [
    'of version 7.3',
    new TextEncoder().encode('MATLAB 7.3 MAT-file, Platform: GLNXA64'),
    /MATLAB 7.3 file \(HDF5\)/,
  ],
  ['no MATLAB file', new Uint8Array(200), /not a little-endian MATLAB file/],
  ['empty', new Uint8Array(0), /not a little-endian MATLAB file/],
  ['cut in a tag', SCIPY_PROTOCOL.subarray(0, 132), /breaks off in the tag/],
  ['cut in its data', SCIPY_PROTOCOL.subarray(0, 200), /breaks off: an element of \d+ bytes has 64/],
])('a file that is %s is an error', (_, bytes, message) => {
  expect(() => readMatlabV5(bytes)).toThrow(message);
});
