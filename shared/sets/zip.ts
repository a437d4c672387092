import { inflateSync } from 'fflate';
import { crc32 } from './crc32.ts';
import {
  archiveError,
  checkReadable,
  checkUnpacked,
  directoryLengths,
  entryError,
  entryLengths,
  RECORD_BYTES,
  readDirectoryEntry,
  SIGNATURES,
  STORED,
  type ZipEntry,
} from './zip-records.ts';

/**
 * Unpacks entries of a zip archive by its directory, ZIP64 or not, and checks each against its size and its
 * CRC-32. Throws `SetError` that names the entry.
 *
 * @param wants whether to unpack an entry, by its name and its unpacked size.
 */
export function unzip(
  bytes: Uint8Array,
  wants: (name: string, size: number) => boolean,
): Record<string, Uint8Array> {
  const files: Record<string, Uint8Array> = {};
  for (const entry of readDirectory(bytes)) {
    if (!wants(entry.name, entry.size)) continue;
    if (Object.hasOwn(files, entry.name)) throw entryError(entry.name, 'the archive has it twice');
    files[entry.name] = unpack(bytes, entry);
  }
  return files;
}

/** The entries that an archive's directory lists. */
function readDirectory(bytes: Uint8Array): ZipEntry[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { count, start } = findDirectory(view);
  const entries: ZipEntry[] = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    if (at + RECORD_BYTES.directory > bytes.length || view.getUint32(at, true) !== SIGNATURES.directory) {
      throw archiveError(`its directory breaks off at entry ${i} of ${count}`);
    }
    const record = new DataView(bytes.buffer, bytes.byteOffset + at, RECORD_BYTES.directory);
    const { name, extra, comment } = directoryLengths(record);
    const restStart = at + RECORD_BYTES.directory;
    at = restStart + name + extra + comment;
    entries.push(readDirectoryEntry(record, bytes.subarray(restStart, at)));
  }
  return entries;
}

function findDirectory(view: DataView): { count: number; start: number } {
  // The end record is the last thing but for a comment of up to 65,535 bytes.
  const last = view.byteLength - RECORD_BYTES.end;
  for (let at = last; at >= Math.max(0, last - 0xffff); at--) {
    if (view.getUint32(at, true) !== SIGNATURES.end) continue;
    const locator = at - RECORD_BYTES.locator64;
    if (locator >= 0 && view.getUint32(locator, true) === SIGNATURES.locator64) {
      const end64 = Number(view.getBigUint64(locator + 8, true));
      if (end64 + 56 > locator || view.getUint32(end64, true) !== SIGNATURES.end64) {
        throw archiveError('its ZIP64 end record is not where the archive says');
      }
      return {
        count: Number(view.getBigUint64(end64 + 32, true)),
        start: Number(view.getBigUint64(end64 + 48, true)),
      };
    }
    return { count: view.getUint16(at + 10, true), start: view.getUint32(at + 16, true) };
  }
  throw archiveError('it has no end of a directory; it is no zip archive, or was cut');
}

function unpack(bytes: Uint8Array, entry: ZipEntry): Uint8Array {
  checkReadable(entry);
  const { name, offset, packedSize, size, method } = entry;
  const recordEnd = offset + RECORD_BYTES.entry;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (recordEnd > bytes.length || view.getUint32(offset, true) !== SIGNATURES.entry) {
    throw entryError(name, `it is not at byte ${offset}, where the directory says`);
  }
  const lengths = entryLengths(new DataView(bytes.buffer, bytes.byteOffset + offset, RECORD_BYTES.entry));
  const start = recordEnd + lengths.name + lengths.extra;
  if (start + packedSize > bytes.length) {
    throw entryError(name, `it ends at byte ${start + packedSize} of ${bytes.length}`);
  }
  const packed = bytes.subarray(start, start + packedSize);
  const unpacked = method === STORED ? packed : inflate(name, packed, size);
  checkUnpacked(entry, { crc: crc32(unpacked), size: unpacked.length });
  return unpacked;
}

function inflate(name: string, packed: Uint8Array, size: number): Uint8Array {
  try {
    return inflateSync(packed, { out: new Uint8Array(size) });
  } catch (error) {
    throw entryError(name, `it does not inflate: ${(error as Error).message}`);
  }
}
