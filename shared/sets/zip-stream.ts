import { Inflate } from 'fflate';
import type { ByteReader } from './byte-reader.ts';
import { crc32 } from './crc32.ts';
import type { EntryVisitor, VisitEntry } from './entry-visitor.ts';
import {
  archiveError,
  checkReadable,
  checkUnpacked,
  directoryLengths,
  entryError,
  entryLengths,
  RECORD_BYTES,
  readDirectoryEntry,
  readEntry,
  SIGNATURES,
  SIZES_AFTER_DATA,
  STORED,
  type VariableLengths,
  type ZipEntry,
} from './zip-records.ts';

/** Bytes that are inflated in one go: at Deflate's most, 1032 to 1, they make 4 MB. */
const INFLATE_BYTES = 4096;

/** Bytes of a stored entry that are passed on in one go. */
const STORED_BYTES = 65_536;

/** Entries of an archive of arrays: what the directory is checked against is remembered of each. */
const MAX_ENTRIES = 1000;

/**
 * Reads a zip archive as it comes, holding a few kilobytes of it. Each visited entry is checked against its
 * size and CRC-32, and at the end all of them against the directory. Throws `SetError`.
 *
 * @param visit gives who takes an entry, by name and unpacked size; `undefined` passes over it.
 */
export async function readZipStream(
  reader: ByteReader,
  visit: VisitEntry,
  maxEntries = MAX_ENTRIES,
): Promise<void> {
  const entries: ZipEntry[] = [];
  for (;;) {
    const offset = reader.position;
    const signature = await readSignature(reader);
    if (signature !== SIGNATURES.entry) {
      await readDirectory(reader, signature, entries);
      return;
    }
    if (entries.length === maxEntries) throw archiveError(`it has more than ${maxEntries} entries`);
    const { view, rest } = await readRecord(reader, RECORD_BYTES.entry, entryLengths);
    const entry = readEntry(view, rest, offset);
    entries.push(entry);
    await readData(reader, entry, visit(entry.name, entry.size));
  }
}

async function readData(
  reader: ByteReader,
  entry: ZipEntry,
  visitor: EntryVisitor | undefined,
): Promise<void> {
  const { name, packedSize } = entry;
  if (entry.flags & SIZES_AFTER_DATA) {
    throw entryError(
      name,
      'its size stands behind its data (the archive was written to a pipe); save the archive to a file first',
    );
  }
  if (visitor === undefined) {
    const found = await reader.skip(packedSize);
    if (found < packedSize) throw entryError(name, `of ${packedSize} bytes ${found} are there`);
    return;
  }
  checkReadable(entry);
  const found = { crc: 0, size: 0 };
  const data = unpack(reader, entry, found);
  await visitor(data);
  // What the visitor left counts for the checksum.
  while (!(await data.next()).done);
  checkUnpacked(entry, found);
}

async function* unpack(
  reader: ByteReader,
  entry: ZipEntry,
  found: { crc: number; size: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  const { name, size, packedSize, method } = entry;
  const inflate = method === STORED ? undefined : new Inflater(name);
  const most = inflate === undefined ? STORED_BYTES : INFLATE_BYTES;
  for (let left = packedSize; left > 0; ) {
    const packed = await reader.some(Math.min(left, most));
    if (packed.length === 0) throw entryError(name, `of ${packedSize} bytes ${packedSize - left} are there`);
    left -= packed.length;
    for (const bytes of inflate?.push(packed, left === 0) ?? [packed]) {
      found.size += bytes.length;
      if (found.size > size) throw entryError(name, `it unpacks to more than the ${size} bytes it announces`);
      found.crc = crc32(bytes, found.crc);
      yield bytes;
    }
  }
}

class Inflater {
  readonly #name: string;
  readonly #inflate: Inflate;
  #output: Uint8Array[] = [];

  constructor(name: string) {
    this.#name = name;
    this.#inflate = new Inflate((bytes) => this.#output.push(bytes));
  }

  push(packed: Uint8Array, last: boolean): Uint8Array[] {
    try {
      this.#inflate.push(packed, last);
    } catch (error) {
      throw entryError(this.#name, `it does not inflate: ${(error as Error).message}`);
    }
    const output = this.#output;
    this.#output = [];
    return output;
  }
}

/** Checks that the directory lists the entries that came, as they came, and that the archive ends there. */
async function readDirectory(
  reader: ByteReader,
  firstSignature: number | undefined,
  entries: readonly ZipEntry[],
): Promise<void> {
  let signature = firstSignature;
  const byOffset = new Map(entries.map((entry) => [entry.offset, entry]));
  for (; signature === SIGNATURES.directory; signature = await readSignature(reader)) {
    const { view, rest } = await readRecord(reader, RECORD_BYTES.directory, directoryLengths);
    const listed = readDirectoryEntry(view, rest);
    const entry = byOffset.get(listed.offset);
    byOffset.delete(listed.offset);
    if (entry === undefined || entry.name !== listed.name) {
      throw entryError(listed.name, `it is not at byte ${listed.offset}, where the directory says`);
    }
    checkUnpacked(listed, entry);
    if (entry.packedSize !== listed.packedSize || entry.method !== listed.method) {
      throw entryError(entry.name, 'the directory gives it another compression than the entry itself');
    }
  }
  if (signature === SIGNATURES.end64) {
    const view = viewOf(await takeAll(reader, 8));
    const length = Number(view.getBigUint64(0, true));
    if ((await reader.skip(length)) < length) throw archiveError('it breaks off in its ZIP64 end record');
    signature = await readSignature(reader);
    if (signature === SIGNATURES.locator64) {
      await takeAll(reader, RECORD_BYTES.locator64 - 4);
      signature = await readSignature(reader);
    }
  }
  if (signature !== SIGNATURES.end) {
    throw archiveError(
      signature === undefined
        ? `it breaks off at byte ${reader.position}, before the end of its directory`
        : `at byte ${reader.position - 4} is no record of a zip archive`,
    );
  }
  const end = viewOf(await takeAll(reader, RECORD_BYTES.end - 4));
  const comment = end.getUint16(16, true);
  if ((await reader.skip(comment)) < comment) throw archiveError('it breaks off in its comment');
  if (byOffset.size > 0) {
    const [missing] = byOffset.values();
    throw entryError(missing.name, 'the directory does not list it');
  }
  if ((await reader.some(1)).length > 0) throw archiveError('more bytes follow its end');
}

async function readSignature(reader: ByteReader): Promise<number | undefined> {
  const bytes = await reader.take(4);
  return bytes.length < 4 ? undefined : viewOf(bytes).getUint32(0, true);
}

/** A record whose signature was read, as if it began with it, and the parts of it that vary in length. */
async function readRecord(
  reader: ByteReader,
  length: number,
  lengthsOf: (view: DataView) => VariableLengths,
): Promise<{ view: DataView; rest: Uint8Array }> {
  const record = new Uint8Array(length);
  record.set(await takeAll(reader, length - 4), 4);
  const view = viewOf(record);
  const { name, extra, comment } = lengthsOf(view);
  return { view, rest: await takeAll(reader, name + extra + comment) };
}

async function takeAll(reader: ByteReader, length: number): Promise<Uint8Array> {
  const bytes = await reader.take(length);
  if (bytes.length < length) throw archiveError(`it breaks off at byte ${reader.position}`);
  return bytes;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
