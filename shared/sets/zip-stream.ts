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

/** What an entry may unpack to that does not announce its size: as much as all of a body. */
const UNSIZED_BYTES = 256 * 1024 * 1024;

/** Signature, checksum and sizes behind the data of an entry. */
const DESCRIPTOR_BYTES = 16;

/** Deflated, nothing at all takes two bytes; some programs write a few more. */
const DEFLATED_NOTHING = 16;

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
    const unsized = (entry.flags & SIZES_AFTER_DATA) !== 0;
    const visitor = visit(entry.name, unsized ? undefined : entry.size);
    entries.push(unsized ? await readUnsized(reader, entry, visitor) : entry);
    if (!unsized) await readData(reader, entry, visitor);
  }
}

async function readData(
  reader: ByteReader,
  entry: ZipEntry,
  visitor: EntryVisitor | undefined,
): Promise<void> {
  const { name, packedSize } = entry;
  if (visitor === undefined) {
    const found = await reader.skip(packedSize);
    if (found < packedSize) throw entryError(name, `of ${packedSize} bytes ${found} are there`);
    return;
  }
  checkReadable(entry);
  const found = { crc: 0, size: 0 };
  await pass(unpack(sizedPieces(reader, entry), entry, entry.size, found), visitor);
  checkUnpacked(entry, found);
}

/**
 * Reads an entry whose sizes and checksum stand behind its data, as an archive has them that was written to a pipe.
 * Its end is where a record of just as many bytes as came begins.
 */
async function readUnsized(
  reader: ByteReader,
  entry: ZipEntry,
  visitor: EntryVisitor | undefined,
): Promise<ZipEntry> {
  if (entry.method === STORED) {
    throw entryError(
      entry.name,
      'its size stands behind its data, and as it is not deflated its end is not to be told (the archive was written to a pipe); save the archive to a file first, or deflate it',
    );
  }
  const pieces = piecesToDescriptor(reader, entry);
  const found = { crc: 0, size: 0 };
  if (visitor === undefined) {
    while (!(await pieces.next()).done);
  } else {
    checkReadable(entry);
    await pass(unpack(pieces, entry, UNSIZED_BYTES, found), visitor);
  }
  const descriptor = viewOf(await takeAll(reader, 16));
  const packedSize = descriptor.getUint32(8, true);
  const size = descriptor.getUint32(12, true);
  const described = { ...entry, crc: descriptor.getUint32(4, true), packedSize, size };
  // In ZIP64 both sizes have eight bytes; so large are none that are read, and the upper four are 0.
  if (size === 0 && packedSize > DEFLATED_NOTHING) {
    described.size = viewOf(await takeAll(reader, 8)).getUint32(0, true);
  }
  if (visitor !== undefined) checkUnpacked(described, found);
  return described;
}

/** Gives a visitor the data of an entry. What it leaves is read all the same: it counts for the checksum. */
async function pass(data: AsyncGenerator<Uint8Array>, visitor: EntryVisitor): Promise<void> {
  await visitor(data);
  while (!(await data.next()).done);
}

async function* sizedPieces(
  reader: ByteReader,
  { name, packedSize }: ZipEntry,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let left = packedSize; left > 0; ) {
    const piece = await reader.some(Math.min(left, STORED_BYTES));
    if (piece.length === 0) throw entryError(name, `of ${packedSize} bytes ${packedSize - left} are there`);
    left -= piece.length;
    yield piece;
  }
}

async function* piecesToDescriptor(
  reader: ByteReader,
  { name }: ZipEntry,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let total = 0; ; ) {
    const piece = await reader.take(STORED_BYTES);
    const view = viewOf(piece);
    for (let at = 0; at + DESCRIPTOR_BYTES <= piece.length; at++) {
      if (piece[at] !== 0x50 || view.getUint32(at, true) !== SIGNATURES.descriptor) continue;
      if (view.getUint32(at + 8, true) !== total + at) continue;
      reader.unread(piece.subarray(at));
      if (at > 0) yield piece.subarray(0, at);
      return;
    }
    if (piece.length < STORED_BYTES) {
      throw entryError(name, 'its size stands behind its data, and no record of it is to be found there');
    }
    // The record may begin in this piece and end in the next.
    const sure = piece.length - DESCRIPTOR_BYTES + 1;
    reader.unread(piece.subarray(sure));
    total += sure;
    yield piece.subarray(0, sure);
  }
}

/** @param most bytes that it may unpack to. */
async function* unpack(
  pieces: AsyncIterable<Uint8Array>,
  { name, method }: ZipEntry,
  most: number,
  found: { crc: number; size: number },
): AsyncGenerator<Uint8Array, void, undefined> {
  const inflate = method === STORED ? undefined : new Inflater(name);
  for await (const piece of pieces) {
    for (let start = 0; start < piece.length; start += INFLATE_BYTES) {
      const packed = inflate === undefined ? piece : piece.subarray(start, start + INFLATE_BYTES);
      for (const bytes of inflate?.push(packed) ?? [packed]) {
        found.size += bytes.length;
        if (found.size > most)
          throw entryError(
            name,
            `it unpacks to more than the ${most} bytes it ${most === UNSIZED_BYTES ? 'may' : 'announces'}`,
          );
        found.crc = crc32(bytes, found.crc);
        yield bytes;
      }
      if (inflate === undefined) break;
    }
  }
  for (const bytes of inflate?.end() ?? []) {
    found.size += bytes.length;
    found.crc = crc32(bytes, found.crc);
    yield bytes;
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

  /** What is left at its end. */
  end(): Uint8Array[] {
    return this.push(new Uint8Array(), true);
  }

  push(packed: Uint8Array, last = false): Uint8Array[] {
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
