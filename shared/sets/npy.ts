import { SetError } from './embedding-set.ts';

/** An array of a `.npy` file: its values in row-major (C) order. */
export interface NpyArray {
  readonly shape: readonly number[];
  readonly values: Float32Array | Float64Array;
}

type Reader = (view: DataView, offset: number, littleEndian: boolean) => number;

const READERS: Readonly<Record<string, readonly [size: number, read: Reader]>> = {
  b1: [1, (view, offset) => view.getUint8(offset)],
  i1: [1, (view, offset) => view.getInt8(offset)],
  u1: [1, (view, offset) => view.getUint8(offset)],
  i2: [2, (view, offset, little) => view.getInt16(offset, little)],
  u2: [2, (view, offset, little) => view.getUint16(offset, little)],
  i4: [4, (view, offset, little) => view.getInt32(offset, little)],
  u4: [4, (view, offset, little) => view.getUint32(offset, little)],
  i8: [8, (view, offset, little) => Number(view.getBigInt64(offset, little))],
  u8: [8, (view, offset, little) => Number(view.getBigUint64(offset, little))],
  f2: [2, (view, offset, little) => halfToNumber(view.getUint16(offset, little))],
  f4: [4, (view, offset, little) => view.getFloat32(offset, little)],
  f8: [8, (view, offset, little) => view.getFloat64(offset, little)],
};

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

const LITTLE_ENDIAN_HERE = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** Bytes before the header's text that say how long it is. */
export const NPY_PREFIX_BYTES = 12;

/** What the header of a `.npy` file says of its array. */
export interface NpyHeader {
  readonly shape: readonly number[];
  /** NumPy's name of the type, without the byte order: `f4`. */
  readonly type: string;
  readonly littleEndian: boolean;
  /** Whether the first index runs fastest (Fortran order). */
  readonly columnMajor: boolean;
  /** Bytes of one number. */
  readonly itemSize: number;
  /** Numbers of the array. */
  readonly length: number;
}

/**
 * Parses NumPy's `.npy` format, versions 1 to 3, of booleans, integers and floats of either byte order, in
 * C or Fortran order. Nothing in it is evaluated: arrays of objects are refused.
 *
 * @param param names the array in errors. Throws {@link SetError}.
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
export function parseNpy(bytes: Uint8Array, param: string): NpyArray {
  const { start, end } = npyHeaderRange(bytes, param);
  if (end > bytes.length) {
    throw new SetError(param, `${param}: its header ends at byte ${end} of ${bytes.length}.`);
  }
  const header = parseNpyHeader(bytes.subarray(start, end), param);
  const { shape, length, columnMajor } = header;
  const data = bytes.subarray(end);
  if (data.length !== length * header.itemSize) throw npyLengthError(header, param, `${data.length}`);
  const values = npyValues(header, data);
  return { shape, values: columnMajor ? toRowMajor(values, shape) : values };
}

/** Where the header's text stands in a file, by its first {@link NPY_PREFIX_BYTES} bytes. */
export function npyHeaderRange(bytes: Uint8Array, param: string): { start: number; end: number } {
  if (bytes.length < NPY_PREFIX_BYTES || MAGIC.some((byte, i) => bytes[i] !== byte)) {
    throw new SetError(param, `${param}: not a .npy array (it does not start with \\x93NUMPY).`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = bytes[6] >= 2;
  const start = wide ? 12 : 10;
  return { start, end: start + (wide ? view.getUint32(8, true) : view.getUint16(8, true)) };
}

/** Parses the text of a header. */
export function parseNpyHeader(bytes: Uint8Array, param: string): NpyHeader {
  const fail = (message: string) => new SetError(param, `${param}: ${message}`);
  const header = new TextDecoder().decode(bytes);
  const type = /'descr':\s*'([<>|=])([a-z]\d+)'/.exec(header);
  const order = /'fortran_order':\s*(True|False)/.exec(header);
  const dimensions = /'shape':\s*\(([\d,\s]*)\)/.exec(header);
  if (order === null || dimensions === null) throw fail('its header has no fortran_order or no shape.');
  const reader = type === null ? undefined : READERS[type[2]];
  if (type === null || reader === undefined) {
    const found = /'descr':\s*([^,]+),/.exec(header)?.[1] ?? 'nothing';
    throw fail(`its type is ${found}; floats, integers and booleans are read.`);
  }
  const shape = dimensions[1].split(',').flatMap((part) => (part.trim() === '' ? [] : [Number(part)]));
  return {
    shape,
    type: type[2],
    littleEndian: type[1] !== '>',
    columnMajor: order[1] === 'True',
    itemSize: reader[0],
    length: shape.reduce((product, n) => product * n, 1),
  };
}

/** An array whose data are not as long as its shape needs. */
export function npyLengthError(
  { shape, type, length, itemSize }: NpyHeader,
  param: string,
  found: string,
): SetError {
  return new SetError(
    param,
    `${param}: shape (${shape.join(', ')}) of ${type} needs ${length * itemSize} bytes, ${found} are there.`,
  );
}

/** Numbers of an array, in the order of the file, from the bytes of a whole number of them. */
export function npyValues(
  { type, littleEndian, itemSize }: NpyHeader,
  bytes: Uint8Array,
): Float32Array | Float64Array {
  if (littleEndian && LITTLE_ENDIAN_HERE && (type === 'f4' || type === 'f8')) {
    // Copied, for the bytes need not lie where such numbers may.
    const { buffer } = new Uint8Array(bytes);
    return type === 'f4' ? new Float32Array(buffer) : new Float64Array(buffer);
  }
  const length = bytes.length / itemSize;
  const values = type === 'f4' || type === 'f2' ? new Float32Array(length) : new Float64Array(length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [, read] = READERS[type];
  for (let i = 0; i < length; i++) values[i] = read(view, i * itemSize, littleEndian);
  return values;
}

/** Column-major (Fortran) to row-major order. */
function toRowMajor<A extends Float32Array | Float64Array>(values: A, shape: readonly number[]): A {
  if (shape.length < 2) return values;
  const columnStrides = shape.map((_, axis) => shape.slice(0, axis).reduce((product, n) => product * n, 1));
  const result = values.slice() as A;
  const index = new Int32Array(shape.length);
  for (let i = 0; i < values.length; i++) {
    result[i] = values[columnStrides.reduce((offset, stride, axis) => offset + stride * index[axis], 0)];
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis] === shape[axis]; axis--) index[axis] = 0;
  }
  return result;
}

/** IEEE 754 binary16. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Writes a C-order little-endian array as `.npy` (version 1): what `numpy.load` reads. */
export function serialiseNpy(values: Float32Array | Int32Array, shape: readonly number[]): Uint8Array {
  const type = values instanceof Float32Array ? '<f4' : '<i4';
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const description = `{'descr': '${type}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const dataStart = Math.ceil((10 + description.length + 1) / 64) * 64;
  const bytes = new Uint8Array(dataStart + values.byteLength).fill(0x20, 0, dataStart);
  bytes.set([...MAGIC, 1, 0, (dataStart - 10) & 0xff, (dataStart - 10) >> 8]);
  bytes.set(new TextEncoder().encode(description), 10);
  bytes[dataStart - 1] = 0x0a;
  bytes.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), dataStart);
  return bytes;
}
