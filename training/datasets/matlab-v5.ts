import { inflateSync } from 'fflate';

/** A variable of a MATLAB file: numbers or cells by columns (Fortran order), or a line of text. */
export type MatlabValue =
  | { readonly kind: 'numbers'; readonly shape: readonly number[]; readonly values: Float64Array }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'cells'; readonly shape: readonly number[]; readonly cells: readonly MatlabValue[] };

/** Types of data elements, and classes of arrays ("MAT-File Format", MathWorks, tables 1-1 and 1-3). */
const MATRIX = 14;
const COMPRESSED = 15;
const CELL_CLASS = 1;
const TEXT_CLASS = 4;
const FIRST_NUMBER_CLASS = 6;
const LAST_NUMBER_CLASS = 15;
const COMPLEX = 0x08;

interface Element {
  readonly type: number;
  readonly data: Uint8Array;
  /** Where the next element begins. */
  readonly end: number;
}

/**
 * Reads real numbers, text and cells of a MATLAB file of version 5 (`-v6` and `-v7`, little-endian), as
 * described in MathWorks' "MAT-File Format". Variables of other classes are passed over.
 *
 * @throws {Error} if it is no such file, or is cut.
 */
export function readMatlabV5(bytes: Uint8Array): Map<string, MatlabValue> {
  const text = new TextDecoder('latin1').decode(bytes.subarray(0, 116));
  if (text.startsWith('MATLAB 7.3')) throw new Error('it is a MATLAB 7.3 file (HDF5), not version 5');
  if (bytes.length < 128 || bytes[126] !== 0x49 || bytes[127] !== 0x4d || bytes[125] !== 1) {
    throw new Error('it is not a little-endian MATLAB file of version 5');
  }
  const variables = new Map<string, MatlabValue>();
  for (const element of elements(bytes.subarray(128))) {
    const unpacked = element.type === COMPRESSED ? readElement(unzlibbed(element.data), 0) : element;
    if (unpacked.type !== MATRIX) continue;
    const { name, value } = readMatrix(unpacked.data);
    if (value !== undefined) variables.set(name, value);
  }
  return variables;
}

/** The two bytes of zlib's header and the four of its checksum stand around the deflated data. */
function unzlibbed(data: Uint8Array): Uint8Array {
  return inflateSync(data.subarray(2, data.length - 4));
}

function* elements(bytes: Uint8Array): Generator<Element> {
  for (let at = 0; at < bytes.length; ) {
    const element = readElement(bytes, at);
    yield element;
    at = element.end;
  }
}

function readElement(bytes: Uint8Array, at: number): Element {
  if (at + 8 > bytes.length) throw new Error('it breaks off in the tag of an element');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = view.getUint32(at, true);
  // Up to four bytes of data stand in the tag itself, with their number in its upper half.
  const packed = word >>> 16;
  if (packed > 0) {
    return { type: word & 0xffff, data: bytes.subarray(at + 4, at + 4 + packed), end: at + 8 };
  }
  const length = view.getUint32(at + 4, true);
  if (at + 8 + length > bytes.length) {
    throw new Error(`it breaks off: an element of ${length} bytes has ${bytes.length - at - 8}`);
  }
  const padding = word === COMPRESSED ? 0 : (8 - (length % 8)) % 8;
  return { type: word, data: bytes.subarray(at + 8, at + 8 + length), end: at + 8 + length + padding };
}

function readMatrix(bytes: Uint8Array): { name: string; value: MatlabValue | undefined } {
  // An empty cell may be a matrix of no bytes.
  if (bytes.length === 0) return { name: '', value: emptyNumbers };
  const [flags, dimensions, label, ...parts] = elements(bytes);
  const name = new TextDecoder().decode(label.data);
  const [arrayClass, arrayFlags] = flags.data;
  const shape = [...numbers(dimensions)];
  return { name, value: arrayFlags & COMPLEX ? undefined : readValue(arrayClass, shape, parts) };
}

const emptyNumbers: MatlabValue = { kind: 'numbers', shape: [0, 0], values: new Float64Array(0) };

function readValue(arrayClass: number, shape: number[], parts: readonly Element[]): MatlabValue | undefined {
  if (arrayClass === CELL_CLASS) {
    const cells = parts.map((part) => readMatrix(part.data).value ?? emptyNumbers);
    return { kind: 'cells', shape, cells };
  }
  if (parts.length === 0) return undefined;
  if (arrayClass === TEXT_CLASS) return { kind: 'text', text: readText(parts[0]) };
  if (arrayClass >= FIRST_NUMBER_CLASS && arrayClass <= LAST_NUMBER_CLASS) {
    return { kind: 'numbers', shape, values: numbers(parts[0]) };
  }
  return undefined;
}

function readText(element: Element): string {
  const { type, data } = element;
  if (type === UTF8) return new TextDecoder().decode(data);
  return String.fromCharCode(...numbers(element));
}

const UTF8 = 16;

/** Size of each type of number, and how it is read. Numbers are stored in the smallest type that holds them. */
const readers: Readonly<Record<number, readonly [size: number, (view: DataView, at: number) => number]>> = {
  1: [1, (view, at) => view.getInt8(at)],
  2: [1, (view, at) => view.getUint8(at)],
  3: [2, (view, at) => view.getInt16(at, true)],
  4: [2, (view, at) => view.getUint16(at, true)],
  5: [4, (view, at) => view.getInt32(at, true)],
  6: [4, (view, at) => view.getUint32(at, true)],
  7: [4, (view, at) => view.getFloat32(at, true)],
  9: [8, (view, at) => view.getFloat64(at, true)],
  12: [8, (view, at) => Number(view.getBigInt64(at, true))],
  13: [8, (view, at) => Number(view.getBigUint64(at, true))],
  17: [2, (view, at) => view.getUint16(at, true)],
};

function numbers({ type, data }: Element): Float64Array {
  const reader = readers[type];
  if (reader === undefined) throw new Error(`it has numbers of the unknown type ${type}`);
  const [size, read] = reader;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Float64Array.from({ length: data.length / size }, (_, i) => read(view, i * size));
}
