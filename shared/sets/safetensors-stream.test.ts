import { describe, expect, test } from 'vitest';
import { safetensorsFile, type Tensor } from '../../test/safetensors.ts';
import { chunksOf } from '../../test/streams.ts';
import { ByteReader } from './byte-reader.ts';
import { SetError } from './embedding-set.ts';
import { readSafetensorsStream } from './safetensors-stream.ts';

const tensors: Record<string, Tensor> = {
  other: { dtype: 'F64', shape: [3], data: Float64Array.of(9, 9, 9) },
  half: { dtype: 'F16', shape: [1, 2], data: Uint16Array.of(0x3c00, 0xc100) },
  features: { dtype: 'F32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
  labels: { dtype: 'I64', shape: [2], data: BigInt64Array.of(-1n, 2n ** 33n) },
};

async function read(bytes: Uint8Array, chunk: number): Promise<Record<string, number[]>> {
  const found: Record<string, number[]> = {};
  await readSafetensorsStream(new ByteReader(chunksOf(bytes, chunk)), (name) => {
    if (name === 'other') return undefined;
    return async ({ values }) => {
      found[name] = [];
      for await (const part of values) found[name].push(...part);
    };
  });
  return found;
}

describe.each([1, 7, 1e6])('in chunks of %i', (chunk) => {
  test('every tensor that is asked for', async () => {
    expect(await read(safetensorsFile(tensors), chunk)).toEqual({
      half: [1, -2.5],
      features: [1, 2, 3, 4],
      labels: [-1, 2 ** 33],
    });
  });

  test('cut anywhere, or with a byte too many, it is refused', async () => {
    const bytes = safetensorsFile(tensors);
    for (let length = 0; length < bytes.length; length++) {
      await expect(read(bytes.subarray(0, length), chunk), `${length}`).rejects.toThrow(SetError);
    }
    await expect(read(new Uint8Array([...bytes, 0]), chunk)).rejects.toThrow(/more bytes after its last/);
  });
});

test('a header that announces gigabytes is not waited for', async () => {
  const bytes = new Uint8Array(100).fill(0xff);
  await expect(read(bytes, 10)).rejects.toThrow(/announce a header of 18446744073709551615 bytes/);
});
