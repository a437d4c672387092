import { describe, expect, test } from 'vitest';
import { BundleError, type BundleTensor, parseSafetensors, serialiseSafetensors } from './safetensors.ts';

/** A file put together by the published format: header length, header, data. */
function file(header: unknown, data: ArrayLike<number> = []): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setUint32(0, json.length, true);
  bytes.set(json, 8);
  bytes.set(data, 8 + json.length);
  return bytes;
}

const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
const f32 = (shape: number[], begin: number, end: number) => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
});

/** The message that a file is refused with. */
function refusal(bytes: Uint8Array): string {
  try {
    parseSafetensors(bytes);
  } catch (error) {
    if (error instanceof BundleError) return error.message;
    throw error;
  }
  throw new Error('The file was not refused.');
}

describe('a file written by hand', () => {
  test('gives its tensors and its metadata', () => {
    const bytes = file(
      {
        __metadata__: { format: 'pt', note: 'ünïcödé' },
        'conv.weight': f32([2, 1, 1, 2], 0, 16),
        scalar: f32([], 16, 20),
        empty: f32([0, 3], 20, 20),
      },
      floats(1, -2.5, 3e-40, Number.POSITIVE_INFINITY, 7),
    );
    const { tensors, metadata } = parseSafetensors(bytes);
    expect(metadata).toEqual({ format: 'pt', note: 'ünïcödé' });
    expect([...tensors.keys()]).toEqual(['conv.weight', 'scalar', 'empty']);
    expect(tensors.get('conv.weight')).toEqual({
      shape: [2, 1, 1, 2],
      data: Float32Array.of(1, -2.5, 3e-40, Number.POSITIVE_INFINITY),
    });
    expect(tensors.get('scalar')).toEqual({ shape: [], data: Float32Array.of(7) });
    expect(tensors.get('empty')).toEqual({ shape: [0, 3], data: new Float32Array(0) });
  });

  test('may list its tensors in any order, and may be without metadata', () => {
    const bytes = file({ second: f32([1], 4, 8), first: f32([1], 0, 4) }, floats(1, 2));
    const { tensors, metadata } = parseSafetensors(bytes);
    expect(tensors.get('first')?.data).toEqual(Float32Array.of(1));
    expect(tensors.get('second')?.data).toEqual(Float32Array.of(2));
    expect(metadata).toEqual({});
  });

  test('may lie anywhere in a buffer, at any alignment', () => {
    // A header of any length: the data starts at bytes that are no multiple of four.
    for (let spaces = 0; spaces < 8; spaces++) {
      const bytes = file(JSON.stringify({ w: f32([2], 0, 8) }) + ' '.repeat(spaces), floats(3, 4));
      const larger = new Uint8Array(bytes.length + 20).fill(0xff);
      larger.set(bytes, 5);
      const { tensors } = parseSafetensors(larger.subarray(5, 5 + bytes.length));
      expect(tensors.get('w')?.data).toEqual(Float32Array.of(3, 4));
    }
  });

  test('may be a Node Buffer, whose slice is a view and no copy', () => {
    const bytes = file({ w: f32([2], 0, 8) }, floats(3, 4));
    const { tensors } = parseSafetensors(Buffer.from(bytes));
    expect(tensors.get('w')?.data).toEqual(Float32Array.of(3, 4));
  });

  test('is not shared with its tensors', () => {
    const bytes = file({ w: f32([1], 0, 4) }, floats(3));
    const { tensors } = parseSafetensors(bytes);
    bytes.fill(0);
    expect(tensors.get('w')?.data).toEqual(Float32Array.of(3));
  });
});

describe('a file of ours', () => {
  const tensors = new Map<string, BundleTensor>([
    ['b', { shape: [3], data: Float32Array.of(1, 2, 3) }],
    ['a', { shape: [1, 2], data: Float32Array.of(-1, 0.5) }],
    // A view into the middle of something larger.
    ['view', { shape: [2], data: Float32Array.of(9, 8, 7, 6).subarray(1, 3) }],
  ]);
  const metadata = { made: 'by hand', quote: '"\\' };
  const bytes = serialiseSafetensors({ tensors, metadata });

  test('reads back', () => {
    const read = parseSafetensors(bytes);
    expect([...read.tensors]).toEqual([...tensors].map(([name, tensor]) => [name, tensor]));
    expect(read.metadata).toEqual(metadata);
  });

  test('is what the format says', () => {
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    expect(length % 8).toBe(0);
    const text = new TextDecoder().decode(bytes.subarray(8, 8 + length));
    expect(text[0]).toBe('{');
    expect(text).toMatch(/\} *$/);
    expect(JSON.parse(text)).toEqual({
      __metadata__: metadata,
      b: f32([3], 0, 12),
      a: f32([1, 2], 12, 20),
      view: f32([2], 20, 28),
    });
    expect([...new Float32Array(bytes.slice(8 + length).buffer)]).toEqual([1, 2, 3, -1, 0.5, 8, 7]);
  });

  test('is the same for the same tensors', () => {
    expect(serialiseSafetensors({ tensors: new Map(tensors), metadata: { ...metadata } })).toEqual(bytes);
  });

  test('is refused when it is cut anywhere, and when anything follows it', () => {
    for (let length = 0; length < bytes.length; length++) {
      expect(() => parseSafetensors(bytes.subarray(0, length)), `${length} bytes`).toThrow(BundleError);
    }
    expect(refusal(Uint8Array.from([...bytes, 0]))).toBe('The file has 1 bytes after its last tensor.');
  });
});

describe('refuses', () => {
  test('an empty file', () => {
    expect(refusal(new Uint8Array())).toBe('A safetensors file has at least 8 bytes; this one has 0.');
  });

  test('a header longer than the limit, without reading it', () => {
    const bytes = new Uint8Array(16).fill(0xff, 0, 8);
    expect(refusal(bytes)).toBe(
      'Not a safetensors file: its first 8 bytes announce a header of 18446744073709551615 bytes, the limit is 1000000.',
    );
  });

  test('a header longer than the file', () => {
    const bytes = new Uint8Array(16);
    bytes[0] = 9;
    expect(refusal(bytes)).toBe('The file is truncated: its header ends at byte 17, the file at 16.');
  });

  test.each(['', '{', 'null', '[]', '7', '"F32"'])('a header of %j', (header) => {
    expect(refusal(file(header))).toMatch(/^The safetensors header /);
  });

  test.each(['F16', 'BF16', 'F64', 'I64', 'f32'])('the type %s, and names the tensor', (dtype) => {
    const bytes = file({ 'conv1.weight': { ...f32([1], 0, 4), dtype } }, floats(1));
    expect(refusal(bytes)).toContain('"conv1.weight"');
    expect(refusal(bytes)).toContain('F32');
  });

  test.each([
    ['a negative length', f32([-1], 0, 4)],
    ['a fraction of a length', f32([0.5], 0, 4)],
    ['a length in quotes', { ...f32([1], 0, 4), shape: ['1'] }],
    ['no shape', { dtype: 'F32', data_offsets: [0, 4] }],
    ['no data_offsets', { dtype: 'F32', shape: [1] }],
    ['no type', { shape: [1], data_offsets: [0, 4] }],
    ['one offset', { ...f32([1], 0, 4), data_offsets: [0] }],
    ['three offsets', { ...f32([1], 0, 4), data_offsets: [0, 4, 8] }],
    ['a negative offset', f32([1], -4, 0)],
    ['a field more', { ...f32([1], 0, 4), strides: [1] }],
    ['nothing', {}],
    ['null', null],
    ['a string', 'F32'],
  ])('a tensor with %s', (_, entry) => {
    expect(refusal(file({ w: entry }, floats(1)))).toMatch(/"w[".]/);
  });

  test('data_offsets that do not fit the shape', () => {
    expect(refusal(file({ w: f32([2, 3], 0, 20) }, floats(1, 2, 3, 4, 5)))).toBe(
      'The tensor "w" of shape [2,3] needs 24 bytes, its data_offsets give 20.',
    );
    expect(refusal(file({ w: f32([1], 4, 0) }, floats(1)))).toContain('its data_offsets give -4');
  });

  test('a shape whose size overflows', () => {
    expect(refusal(file({ w: f32([2 ** 40, 2 ** 40], 0, 0) }))).toContain('"w"');
    // 2^16 · 2^16 is 0 in 32 bits.
    expect(refusal(file({ w: f32([65536, 65536], 0, 0) }))).toContain('needs 17179869184 bytes');
  });

  test('a tensor that ends after the file', () => {
    expect(refusal(file({ w: f32([2], 0, 8) }, floats(1)))).toMatch(/^The file is truncated: the tensor "w"/);
  });

  test('overlapping tensors', () => {
    const header = { a: f32([2], 0, 8), b: f32([2], 4, 12) };
    expect(refusal(file(header, floats(1, 2, 3)))).toBe(
      'The tensor "b" starts at data byte 4 where 8 was expected.',
    );
    expect(refusal(file({ a: f32([1], 0, 4), b: f32([1], 0, 4) }, floats(1)))).toContain('"b"');
  });

  test('a gap between tensors, and one before the first', () => {
    const header = { a: f32([1], 0, 4), b: f32([1], 8, 12) };
    expect(refusal(file(header, floats(1, 2, 3)))).toBe(
      'The tensor "b" starts at data byte 8 where 4 was expected.',
    );
    expect(refusal(file({ a: f32([1], 4, 8) }, floats(1, 2)))).toContain('where 0 was expected');
  });

  test('bytes after the last tensor', () => {
    expect(refusal(file({ w: f32([1], 0, 4) }, floats(1, 2)))).toBe(
      'The file has 4 bytes after its last tensor.',
    );
    expect(refusal(file({}, floats(1)))).toBe('The file has 4 bytes after its last tensor.');
  });

  test('metadata that is not text, and metadata in the form of a tensor', () => {
    expect(refusal(file({ __metadata__: { epoch: 3 } }))).toContain('__metadata__');
    expect(refusal(file({ __metadata__: f32([], 0, 0) }))).toContain('__metadata__');
  });
});

describe('names that mean something to JavaScript', () => {
  test.each(['constructor', 'toString', 'hasOwnProperty', 'prototype'])(
    '"%s" is a name like another',
    (name) => {
      const tensors = new Map([[name, { shape: [1], data: Float32Array.of(5) }]]);
      const read = parseSafetensors(serialiseSafetensors({ tensors, metadata: {} }));
      expect([...read.tensors]).toEqual([...tensors]);
    },
  );

  test('"__proto__" is refused on reading and changes no prototype', () => {
    const header = `{"__proto__":${JSON.stringify(f32([1], 0, 4))}}`;
    expect(() => parseSafetensors(file(header, floats(5)))).toThrow(BundleError);
    expect(({} as Record<string, unknown>).dtype).toBeUndefined();
    const tensors = new Map([['__proto__', { shape: [1], data: Float32Array.of(5) }]]);
    expect(() => serialiseSafetensors({ tensors, metadata: {} })).toThrow(BundleError);
  });
});
