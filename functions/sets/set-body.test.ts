import { ByteReader } from '@softmargin/shared/sets/byte-reader.ts';
import { serialiseNpy } from '@softmargin/shared/sets/npy.ts';
import { afterEach, expect, test, vi } from 'vitest';
import { npyFile, numberBytes, toColumnMajor } from '../../test/npy.ts';
import { chunksOf } from '../../test/streams.ts';
import { BLOCK_BYTES } from '../limits.ts';
import { bytesOf, sha256Of } from './content-store.ts';
import { readSetBody } from './set-body.ts';

afterEach(() => vi.unstubAllGlobals());

/** Takes what is stored and forgets it. */
const nowhere = { put: async () => {} };

function reader(bytes: Uint8Array, chunk = 1000): ByteReader {
  return new ByteReader(chunksOf(bytes, chunk));
}

test('blocks are the transposed rows, by plain loops', async () => {
  const [count, dimension, rows] = [150, 8192, 64];
  const features = Float32Array.from({ length: count * dimension }, (_, i) => (i % 1013) / 8);
  const { features: stored } = await readSetBody(reader(serialiseNpy(features, [count, dimension])), nowhere);
  const expected: string[] = [];
  for (let start = 0; start < count; start += rows) {
    const n = Math.min(rows, count - start);
    const block = new Float32Array(n * dimension);
    for (let j = 0; j < n; j++) {
      for (let k = 0; k < dimension; k++) block[k * n + j] = features[(start + j) * dimension + k];
    }
    expected.push(await sha256Of(bytesOf(block)));
  }
  expect(stored).toEqual({ count, dimension, blocks: expected });
});

test('the same features in every type and order are the same blocks', async () => {
  const [count, dimension] = [33, 20];
  // Sixteenths up to 128: whole in half precision too.
  const values = Array.from({ length: count * dimension }, (_, i) => ((i * 37) % 2047) / 16 - 64);
  const { features: expected } = await readSetBody(
    reader(serialiseNpy(Float32Array.from(values), [count, dimension])),
    nowhere,
  );
  const { Float16Array } = globalThis as unknown as {
    Float16Array: new (values: readonly number[]) => Uint16Array<ArrayBuffer>;
  };
  for (const fortran of [false, true]) {
    const order = fortran ? toColumnMajor(values, [count, dimension]) : values;
    for (const big of [false, true]) {
      for (const [type, array] of [
        ['f2', new Float16Array(order)],
        ['f4', Float32Array.from(order)],
        ['f8', Float64Array.from(order)],
      ] as const) {
        const header = { descr: `'${big ? '>' : '<'}${type}'`, fortran, shape: `(${count}, ${dimension})` };
        const bytes = npyFile(header, numberBytes(array, big));
        const { features } = await readSetBody(reader(bytes, 7), nowhere);
        expect(features, `${header.descr}, Fortran order: ${fortran}`).toEqual(expected);
      }
    }
  }
});

test.each([1024, 2048])(
  'a body of any size is read with one block in memory, and its transpose',
  async (rows) => {
    const dimension = 512;
    const blocks = 4 * (rows / 1024);
    const largest = { bytes: 0 };
    const count = (buffer: ArrayBufferLike) => {
      largest.bytes = Math.max(largest.bytes, buffer.byteLength);
    };
    const counting = <A extends { new (...values: never[]): ArrayBufferView }>(original: A): A =>
      new Proxy(original, {
        construct(target, values, newTarget) {
          const array = Reflect.construct(target, values, newTarget) as ArrayBufferView;
          count(array.buffer);
          return array;
        },
      });
    // Twelve rows of other numbers at the end, so that the last block is not a whole one.
    const total = 1024 * blocks + 12;
    const head = serialiseNpy(new Float32Array(), [0, dimension]).length;
    const description = npyFile({ descr: "'<f4'", shape: `(${total}, ${dimension})` }, new Uint8Array());
    expect(description.length).toBe(head);
    async function* body() {
      yield description;
      const row = bytesOf(Float32Array.from({ length: dimension }, (_, i) => i));
      for (let i = 0; i < total; i++) yield row;
    }
    const stored: number[] = [];
    const store = {
      put: async (_: string, bytes: Uint8Array) => {
        stored.push(bytes.length);
      },
    };
    for (const name of ['Float32Array', 'Float64Array', 'Uint8Array'] as const) {
      vi.stubGlobal(name, counting(globalThis[name]));
    }
    await readSetBody(new ByteReader(body()), store);
    vi.unstubAllGlobals();
    expect(stored).toEqual([...Array<number>(blocks).fill(BLOCK_BYTES), 12 * 4 * dimension]);
    expect(largest.bytes).toBe(BLOCK_BYTES);
  },
);

test('a number that is not finite is named by row and column, in whichever block', async () => {
  const [count, dimension] = [150, 8192];
  for (const [row, column, value] of [
    [0, 0, Number.NaN],
    [63, 8191, Number.POSITIVE_INFINITY],
    [149, 17, Number.NEGATIVE_INFINITY],
  ]) {
    const features = new Float32Array(count * dimension);
    features[row * dimension + column] = value;
    await expect(
      readSetBody(reader(serialiseNpy(features, [count, dimension]), 1e6), nowhere),
    ).rejects.toThrow(`features[${row}][${column}] is ${value}, not a finite float32.`);
  }
});

test('Fortran order has a limit of its own, which is said before the numbers come', async () => {
  const bytes = npyFile({ descr: "'<f4'", fortran: true, shape: '(20000, 512)' }, new Uint8Array());
  await expect(readSetBody(reader(bytes), nowhere)).rejects.toThrow(
    'features is in Fortran order and 40960000 bytes as float32; in that order up to 33554432 are read.',
  );
});
