/** What a `.npy` file says of its array, in Python's words. */
export interface NpyHeader {
  readonly descr: string;
  readonly fortran?: boolean;
  /** As Python writes a tuple: `(3,)`. */
  readonly shape: string;
  readonly version?: 1 | 2 | 3;
}

/** A `.npy` file put together by its specification: magic, version, header length, header, data. */
export function npyFile(
  { descr, fortran = false, shape, version = 1 }: NpyHeader,
  data: Uint8Array,
): Uint8Array {
  const order = fortran ? 'True' : 'False';
  const text = `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }`;
  const lengthBytes = version === 1 ? 2 : 4;
  const headerLength = Math.ceil((8 + lengthBytes + text.length + 1) / 64) * 64 - 8 - lengthBytes;
  const bytes = new Uint8Array(8 + lengthBytes + headerLength + data.length);
  bytes.set([0x93, ...new TextEncoder().encode('NUMPY'), version, 0]);
  const view = new DataView(bytes.buffer);
  if (version === 1) view.setUint16(8, headerLength, true);
  else view.setUint32(8, headerLength, true);
  bytes.set(new TextEncoder().encode(`${text.padEnd(headerLength - 1)}\n`), 8 + lengthBytes);
  bytes.set(data, 8 + lengthBytes + headerLength);
  return bytes;
}

/** Numbers in little-endian order, or with the bytes of each turned round. */
export function numberBytes(array: ArrayBufferView & { BYTES_PER_ELEMENT: number }, big = false): Uint8Array {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength).slice();
  const size = array.BYTES_PER_ELEMENT;
  if (big) for (let i = 0; i < bytes.length; i += size) bytes.subarray(i, i + size).reverse();
  return bytes;
}

/** The same row-major values in column-major order. */
export function toColumnMajor(values: readonly number[], shape: readonly number[]): number[] {
  const result = Array<number>(values.length);
  for (const [i, value] of values.entries()) {
    let [rest, offset] = [i, 0];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const stride = shape.slice(0, axis).reduce((a, b) => a * b, 1);
      offset += stride * (rest % shape[axis]);
      rest = Math.floor(rest / shape[axis]);
    }
    result[offset] = value;
  }
  return result;
}
