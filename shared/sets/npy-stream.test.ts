import { describe, expect, test } from 'vitest';
import { npyFile, numberBytes } from '../../test/npy.ts';
import { chunksOf } from '../../test/streams.ts';
import { ByteReader } from './byte-reader.ts';
import { SetError } from './embedding-set.ts';
import { parseNpy, serialiseNpy } from './npy.ts';
import { readNpyStream } from './npy-stream.ts';

async function readAll(
  bytes: Uint8Array,
  chunk: number,
): Promise<{ shape: readonly number[]; values: number[] }> {
  const { header, values } = await readNpyStream(new ByteReader(chunksOf(bytes, chunk)), 'x');
  const all: number[] = [];
  for await (const part of values) all.push(...part);
  return { shape: header.shape, values: all };
}

const numbers = [1, -2.5, 0, 65504, 2 ** -24, -1];
const halves = Uint16Array.of(0x3c00, 0xc100, 0, 0x7bff, 0x0001, 0xbc00);

describe.each([1, 3, 1e6])('in chunks of %i', (chunk) => {
  test.each([
    ["'<f2'", numberBytes(halves)],
    ["'>f2'", numberBytes(halves, true)],
    ["'<f4'", numberBytes(Float32Array.from(numbers))],
    ["'>f4'", numberBytes(Float32Array.from(numbers), true)],
    ["'<f8'", numberBytes(Float64Array.from(numbers))],
    ["'>f8'", numberBytes(Float64Array.from(numbers), true)],
  ])('%s', async (descr, data) => {
    for (const version of [1, 2, 3] as const) {
      const bytes = npyFile({ descr, shape: '(2, 3)', version }, data);
      expect(await readAll(bytes, chunk)).toEqual({ shape: [2, 3], values: numbers });
    }
  });

  test('cut anywhere, as the parser of whole files', async () => {
    const bytes = serialiseNpy(Float32Array.of(1, 2, 3), [3]);
    for (let length = 0; length < bytes.length; length++) {
      const cut = bytes.subarray(0, length);
      const expected = message(() => parseNpy(cut, 'x'));
      await expect(readAll(cut, chunk), `${length} bytes`).rejects.toThrow(new SetError('x', expected));
    }
  });

  test('more than the shape needs', async () => {
    const bytes = Uint8Array.from([...serialiseNpy(Float32Array.of(1, 2, 3), [3]), 0]);
    await expect(readAll(bytes, chunk)).rejects.toThrow('x: shape (3) of f4 needs 12 bytes, more are there.');
  });
});

test('more numbers than are read in one go', async () => {
  const values = Float32Array.from({ length: 20_001 }, (_, i) => i - 3);
  expect((await readAll(serialiseNpy(values, [20_001]), 1000)).values).toEqual([...values]);
});

test('a header of gigabytes is refused before it comes', async () => {
  const bytes = npyFile({ descr: "'<f4'", shape: '(1,)', version: 2 }, new Uint8Array(4));
  new DataView(bytes.buffer).setUint32(8, 0xfffffff0, true);
  await expect(readAll(bytes, 100)).rejects.toThrow(/header ends at byte 4294967292; up to 65535 are read/);
});

function message(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error('It was not refused.');
}
