import { describe, expect, test } from 'vitest';
import { npyFile, numberBytes, toColumnMajor } from '../../test/npy.ts';
import { hasPythonModule, python } from '../../test/python.ts';
import { SetError } from './embedding-set.ts';
import { parseNpy, serialiseNpy } from './npy.ts';

/** The error that bytes are refused with; it has to name the array. */
function refusal(bytes: Uint8Array): string {
  try {
    parseNpy(bytes, 'labels');
  } catch (error) {
    if (!(error instanceof SetError)) throw error;
    expect(error.param).toBe('labels');
    expect(error.message).toMatch(/^labels: /);
    return error.message;
  }
  throw new Error('The array was not refused.');
}

const types = [
  ['f8', Float64Array.of(1, -2.5, 1e300, -0, 2 ** 53)],
  ['f4', Float32Array.of(1, -2.5, 3e38, 2 ** -149, 0.1)],
  ['i1', Int8Array.of(-128, -1, 0, 1, 127)],
  ['u1', Uint8Array.of(0, 1, 127, 128, 255)],
  ['i2', Int16Array.of(-32768, -1, 0, 258, 32767)],
  ['u2', Uint16Array.of(0, 1, 258, 32768, 65535)],
  ['i4', Int32Array.of(-(2 ** 31), -1, 0, 16909060, 2 ** 31 - 1)],
  ['u4', Uint32Array.of(0, 1, 16909060, 2 ** 31, 2 ** 32 - 1)],
  ['i8', BigInt64Array.of(-(2n ** 53n), -1n, 0n, 72623859790382856n, 2n ** 40n)],
  ['u8', BigUint64Array.of(0n, 1n, 2n ** 40n, 2n ** 53n, 2n ** 63n)],
] as const;

describe('types', () => {
  describe.each(types)('%s', (type, array) => {
    test.each(['<', '>', '='])('in byte order %s', (order) => {
      const bytes = npyFile({ descr: `'${order}${type}'`, shape: '(5,)' }, numberBytes(array, order === '>'));
      const { shape, values } = parseNpy(bytes, 'x');
      expect(shape).toEqual([5]);
      expect([...values]).toEqual([...array].map(Number));
    });
  });

  test('booleans and bytes, which have no byte order', () => {
    const bools = npyFile({ descr: "'|b1'", shape: '(4,)' }, Uint8Array.of(0, 1, 1, 0));
    expect([...parseNpy(bools, 'x').values]).toEqual([0, 1, 1, 0]);
    const bytes = npyFile({ descr: "'|i1'", shape: '(2,)' }, Uint8Array.of(255, 1));
    expect([...parseNpy(bytes, 'x').values]).toEqual([-1, 1]);
  });

  test('half precision: each of its 65,536 values', () => {
    const bits = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const shape = '(65536,)';
    const little = parseNpy(npyFile({ descr: "'<f2'", shape }, numberBytes(bits)), 'x').values;
    // What the engine makes of the same bits (TypeScript's library of ES2024 does not know it yet).
    const { Float16Array } = globalThis as unknown as {
      Float16Array: new (buffer: ArrayBuffer) => ArrayLike<number>;
    };
    expect([...little]).toEqual(Array.from(new Float16Array(bits.buffer)));
    const big = parseNpy(npyFile({ descr: "'>f2'", shape }, numberBytes(bits, true)), 'x').values;
    expect(big).toEqual(little);
    // And by hand: one, the largest, the smallest, minus two.
    const known = [0x3c00, 0x7bff, 0x0001, 0xc000].map((index) => little[index]);
    expect(known).toEqual([1, 65504, 2 ** -24, -2]);
  });

  test('whole numbers of 64 bits keep what a double can hold', () => {
    const bytes = npyFile(
      { descr: "'<i8'", shape: '(2,)' },
      numberBytes(BigInt64Array.of(2n ** 31n, -(2n ** 53n))),
    );
    expect(parseNpy(bytes, 'x').values).toEqual(Float64Array.of(2 ** 31, -(2 ** 53)));
  });

  test.each([
    ["'|O'", 'objects'],
    ["'<U5'", 'strings'],
    ["'|S5'", 'bytes'],
    ["'<c8'", 'complex numbers'],
    ["'<M8[ns]'", 'dates'],
    ["'<f16'", 'long doubles'],
    ["'<f3'", 'no type at all'],
    ["[('a', '<f4'), ('b', '<i4')]", 'records'],
  ])('%s is refused: %s', (descr) => {
    const message = refusal(npyFile({ descr, shape: '(1,)' }, new Uint8Array(8)));
    expect(message).toContain('floats, integers and booleans are read');
    expect(message).toContain(descr.split(',')[0]);
  });
});

describe('shapes and orders', () => {
  test.each<[string, number[]]>([
    ['()', []],
    ['(6,)', [6]],
    ['(2, 3)', [2, 3]],
    ['(3,2)', [3, 2]],
    ['(2, 3, 4)', [2, 3, 4]],
    ['(3, 1, 2, 2)', [3, 1, 2, 2]],
    ['(0, 7)', [0, 7]],
  ])('%s, by rows and by columns', (text, shape) => {
    const length = shape.reduce((a, b) => a * b, 1);
    const values = Array.from({ length }, (_, i) => i * i - 3);
    for (const fortran of [false, true]) {
      const order = fortran ? toColumnMajor(values, shape) : values;
      if (fortran && shape.length > 1 && length > 0) expect(order).not.toEqual(values);
      for (const [descr, data] of [
        ["'<f4'", numberBytes(Float32Array.from(order))],
        ["'>i4'", numberBytes(Int32Array.from(order), true)],
      ] as const) {
        const array = parseNpy(npyFile({ descr, fortran, shape: text }, data), 'x');
        expect(array.shape).toEqual(shape);
        expect([...array.values]).toEqual(values);
      }
    }
  });
});

describe('the file', () => {
  const data = numberBytes(Float32Array.of(1, 2, 3));
  const header = { descr: "'<f4'", shape: '(3,)' };

  test.each([1, 2, 3] as const)('version %i', (version) => {
    expect(parseNpy(npyFile({ ...header, version }, data), 'x').values).toEqual(Float32Array.of(1, 2, 3));
  });

  test('anywhere in a buffer, and in a Node Buffer', () => {
    const bytes = npyFile(header, data);
    const larger = new Uint8Array(bytes.length + 7);
    larger.set(bytes, 3);
    for (const given of [larger.subarray(3, 3 + bytes.length), Buffer.from(bytes)]) {
      expect(parseNpy(given, 'x').values).toEqual(Float32Array.of(1, 2, 3));
    }
  });

  test('something else is refused', () => {
    const message = 'labels: not a .npy array (it does not start with \\x93NUMPY).';
    expect(refusal(new Uint8Array())).toBe(message);
    expect(refusal(new TextEncoder().encode('[[1, 2], [3, 4]]'))).toBe(message);
    expect(refusal(npyFile(header, data).with(0, 0x92))).toBe(message);
  });

  test('cut anywhere, or with something after it, is refused', () => {
    const bytes = npyFile(header, data);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => parseNpy(bytes.subarray(0, length), 'x'), `${length} bytes`).toThrow(SetError);
    }
    expect(refusal(bytes.subarray(0, bytes.length - 1))).toBe(
      'labels: shape (3) of f4 needs 12 bytes, 11 are there.',
    );
    expect(refusal(Uint8Array.from([...bytes, 0]))).toContain('needs 12 bytes, 13 are there');
  });

  test('a header longer than the file is refused', () => {
    const bytes = npyFile(header, data);
    new DataView(bytes.buffer).setUint16(8, 60000, true);
    expect(refusal(bytes)).toBe(`labels: its header ends at byte 60010 of ${bytes.length}.`);
  });

  test.each(['None', '(-3,)', '(1 2,)', "('3',)", '(1e9,)'])('the shape %s is refused', (shape) => {
    expect(() => refusal(npyFile({ ...header, shape }, data))).not.toThrow();
  });

  test('a shape of more than there is takes no memory before it is refused', () => {
    expect(refusal(npyFile({ ...header, shape: '(999999999999, 999999999)' }, data))).toContain(
      '12 are there',
    );
  });

  test('a header without its keys is refused', () => {
    const text = new TextDecoder('latin1').decode(npyFile(header, data));
    for (const key of ['descr', 'fortran_order', 'shape']) {
      const bytes = Uint8Array.from(Buffer.from(text.replace(key, 'x'.repeat(key.length)), 'latin1'));
      expect(() => refusal(bytes), key).not.toThrow();
    }
  });
});

describe('serialiseNpy', () => {
  test.each([
    ['<f4', Float32Array.of(1, -2.5, 3e-40, 4, 5, 6)],
    ['<i4', Int32Array.of(-(2 ** 31), 0, 2 ** 31 - 1, 4, 5, 6)],
  ] as const)('writes %s as the specification says', (type, values) => {
    for (const [shape, tuple] of [
      [[6], '(6,)'],
      [[2, 3], '(2, 3)'],
    ] as const) {
      const bytes = serialiseNpy(values, shape);
      expect(bytes).toEqual(npyFile({ descr: `'${type}'`, shape: tuple }, numberBytes(values)));
      const read = parseNpy(bytes, 'x');
      expect(read.shape).toEqual(shape);
      expect([...read.values]).toEqual([...values]);
    }
  });

  test('writes a view of something larger', () => {
    const view = Float32Array.of(9, 1, 2, 9).subarray(1, 3);
    expect([...parseNpy(serialiseNpy(view, [2]), 'x').values]).toEqual([1, 2]);
  });
});

describe.skipIf(!hasPythonModule('numpy'))('NumPy', () => {
  const types = '<f2 >f2 <f4 >f4 <f8 >f8 |i1 |u1 <i2 >u2 <i4 >u4 <i8 >u8 |b1'.split(' ');

  test('arrays that it wrote, of every type, by rows, by columns and from a view', () => {
    // One run for all of them: to start Python and NumPy takes longer than all the rest.
    const script = [
      'import base64, io, json, sys, numpy as np',
      'def save(array):',
      '    out = io.BytesIO()',
      '    np.save(out, array)',
      '    return base64.b64encode(out.getvalue()).decode()',
      'def orders(type):',
      '    array = np.arange(24).reshape(2, 3, 4).astype(type)',
      '    return [save(a) for a in (array, np.asfortranarray(array), np.repeat(array, 2, axis=1)[:, ::2])]',
      `json.dump({type: orders(type) for type in ${JSON.stringify(types)}}, sys.stdout)`,
    ].join('\n');
    const files = JSON.parse(new TextDecoder().decode(python(script))) as Record<string, string[]>;
    expect(Object.keys(files)).toEqual(types);
    for (const [type, encoded] of Object.entries(files)) {
      const expected = Array.from({ length: 24 }, (_, i) => (type === '|b1' ? Math.min(i, 1) : i));
      for (const [order, base64] of encoded.entries()) {
        const { shape, values } = parseNpy(Buffer.from(base64, 'base64'), 'x');
        expect(shape, `${type}, order ${order}`).toEqual([2, 3, 4]);
        expect([...values], `${type}, order ${order}`).toEqual(expected);
      }
    }
  });

  test('reads what we write', () => {
    const printed = python(
      'import io, sys, json, numpy as np; a = np.load(io.BytesIO(sys.stdin.buffer.read()));' +
        'sys.stdout.write(json.dumps([a.dtype.str, a.shape, a.ravel().tolist()]))',
      serialiseNpy(Int32Array.of(1, -2, 3, 4, 5, 6), [3, 2]),
    );
    expect(JSON.parse(new TextDecoder().decode(printed))).toEqual(['<i4', [3, 2], [1, -2, 3, 4, 5, 6]]);
  });
});
