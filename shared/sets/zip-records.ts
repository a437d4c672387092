import { SetError } from './embedding-set.ts';

/** The signatures of a zip archive's records, as little-endian numbers: "PK" and two bytes. */
export const SIGNATURES = {
  entry: 0x04034b50,
  descriptor: 0x08074b50,
  directory: 0x02014b50,
  end64: 0x06064b50,
  locator64: 0x07064b50,
  end: 0x06054b50,
} as const;

/** Bytes of each record before its name, its extra field and its comment. */
export const RECORD_BYTES = { entry: 30, directory: 46, locator64: 20, end: 22 } as const;

/** What a zip archive says of one of its entries. */
export interface ZipEntry {
  readonly name: string;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly packedSize: number;
  readonly size: number;
  /** Where its record starts in the archive. */
  readonly offset: number;
}

export const STORED = 0;
export const DEFLATED = 8;

/** Flags of an entry. */
const ENCRYPTED = 1 << 0;
/** Sizes and checksum follow the data; in the record before it, they are zero. */
export const SIZES_AFTER_DATA = 1 << 3;

const METHODS: Readonly<Record<number, string>> = {
  1: 'Shrink',
  6: 'Implode',
  9: 'Deflate64',
  12: 'bzip2',
  14: 'LZMA',
  93: 'Zstandard',
  95: 'xz',
  98: 'PPMd',
  99: 'AES encryption',
};

/** What is wrong with an archive as such. */
export function archiveError(cause: string): SetError {
  return new SetError('body', `Not a readable archive: ${cause}.`);
}

/** What is wrong with one entry; the array that it holds is the field. */
export function entryError(name: string, cause: string): SetError {
  return new SetError(name.replace(/\.npy$/, ''), `${name}: ${cause}.`);
}

/** Refuses an entry that cannot be unpacked here. */
export function checkReadable({ name, flags, method }: ZipEntry): void {
  if (flags & ENCRYPTED) throw entryError(name, 'it is encrypted; encrypted entries are not read');
  if (method !== STORED && method !== DEFLATED) {
    const known = METHODS[method] === undefined ? '' : ` (${METHODS[method]})`;
    throw entryError(
      name,
      `it is compressed by method ${method}${known}; stored and deflated entries are read`,
    );
  }
}

/** Checks what an entry unpacked to against what the archive says of it. */
export function checkUnpacked(
  { name, crc, size }: Pick<ZipEntry, 'name' | 'crc' | 'size'>,
  found: { readonly crc: number; readonly size: number },
): void {
  if (found.size !== size) {
    throw entryError(name, `it unpacks to ${found.size} bytes where the archive says ${size}`);
  }
  if (found.crc !== crc) {
    throw entryError(
      name,
      `its CRC-32 is ${hex(found.crc)} where the archive says ${hex(crc)}: it was damaged on the way`,
    );
  }
}

/** The parts of an entry's record that vary in length. */
export interface VariableLengths {
  readonly name: number;
  readonly extra: number;
  readonly comment: number;
}

/** Lengths of what follows an entry's record. */
export function entryLengths(view: DataView): VariableLengths {
  return { name: view.getUint16(26, true), extra: view.getUint16(28, true), comment: 0 };
}

/** Lengths of what follows a record of the directory. */
export function directoryLengths(view: DataView): VariableLengths {
  return {
    name: view.getUint16(28, true),
    extra: view.getUint16(30, true),
    comment: view.getUint16(32, true),
  };
}

/** Reads the record before an entry's data. `rest` is its name and its extra field. */
export function readEntry(view: DataView, rest: Uint8Array, offset: number): ZipEntry {
  const lengths = entryLengths(view);
  const sizes = [view.getUint32(22, true), view.getUint32(18, true)];
  const [size, packedSize] = widen(sizes, rest.subarray(lengths.name, lengths.name + lengths.extra));
  return {
    name: new TextDecoder().decode(rest.subarray(0, lengths.name)),
    flags: view.getUint16(6, true),
    method: view.getUint16(8, true),
    crc: view.getUint32(14, true),
    packedSize,
    size,
    offset,
  };
}

/** Reads a record of the directory. `rest` is its name, its extra field and its comment. */
export function readDirectoryEntry(view: DataView, rest: Uint8Array): ZipEntry {
  const lengths = directoryLengths(view);
  const numbers = [view.getUint32(24, true), view.getUint32(20, true), view.getUint32(42, true)];
  const extra = rest.subarray(lengths.name, lengths.name + lengths.extra);
  const [size, packedSize, offset] = widen(numbers, extra);
  return {
    name: new TextDecoder().decode(rest.subarray(0, lengths.name)),
    flags: view.getUint16(8, true),
    method: view.getUint16(10, true),
    crc: view.getUint32(16, true),
    packedSize,
    size,
    offset,
  };
}

/** ZIP64: numbers that 32 bits do not hold stand in the extra field, in the order of the record. */
function widen(numbers: readonly number[], extra: Uint8Array): number[] {
  const view = new DataView(extra.buffer, extra.byteOffset, extra.byteLength);
  for (let at = 0; at + 4 <= extra.length; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== 1) continue;
    let next = at + 4;
    const end = Math.min(extra.length, next + view.getUint16(at + 2, true));
    return numbers.map((number) => {
      if (number !== 0xffffffff || next + 8 > end) return number;
      next += 8;
      return Number(view.getBigUint64(next - 8, true));
    });
  }
  return [...numbers];
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}
