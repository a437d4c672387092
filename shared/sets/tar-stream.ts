import type { ByteReader } from './byte-reader.ts';
import { SetError } from './embedding-set.ts';
import type { VisitEntry } from './entry-visitor.ts';

/** Everything in a tar archive fills blocks of this size. */
const BLOCK = 512;

/** Bytes of an entry that are passed on in one go. */
const PIECE_BYTES = 65_536;

/** A header extension holds a path or two; it is the one thing that is held. */
const MAX_EXTENSION_BYTES = 65_536;

/** Where the fields of a header stand: first byte, and the byte after the last. */
const FIELDS = { name: [0, 100], size: [124, 136], checksum: [148, 156], prefix: [345, 500] } as const;
const TYPE = 156;
const MAGIC = 257;

/** Types of entries, by the character of the header. Old archives have NUL for a file. */
const FILES = ['0', '\0', '7'];
const PAX = 'x';
const PAX_FOR_ALL = 'g';
const LONG_NAME = 'L';
const LONG_LINK = 'K';

/** What an extension says of the entry behind it. */
interface Extension {
  path?: string;
  size?: number;
}

/**
 * Reads a tar archive as it comes, holding a few kilobytes of it: ustar, and GNU's and POSIX's (pax) ways of
 * writing long names and sizes. Folders, links and devices are passed over. Throws {@link SetError}.
 *
 * @see https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html
 */
export async function readTarStream(
  reader: ByteReader,
  visit: VisitEntry,
  maxEntries: number,
): Promise<void> {
  let extension: Extension = {};
  for (let entries = 0; ; ) {
    const at = reader.position;
    const header = await reader.take(BLOCK);
    // Archives end with two empty blocks; some writers leave them out.
    if (header.length === 0 && entries > 0) return;
    if (header.length < BLOCK) throw tarError(`it breaks off at byte ${reader.position}`);
    if (header.every((byte) => byte === 0)) return drain(reader);
    checkHeader(header, at);
    const type = String.fromCharCode(header[TYPE]);
    const size = extension.size ?? numberOf(header, FIELDS.size, at);
    if (type === PAX || type === PAX_FOR_ALL || type === LONG_NAME || type === LONG_LINK) {
      const bytes = await takeExtension(reader, size, at);
      if (type === PAX) extension = { ...extension, ...parsePax(bytes, at) };
      if (type === LONG_NAME) extension = { ...extension, path: untilNul(bytes) };
      continue;
    }
    const name = extension.path ?? nameOf(header);
    extension = {};
    if (++entries > maxEntries) throw tarError(`it has more than ${maxEntries} entries`);
    await readData(reader, name, size, FILES.includes(type) ? visit(name, size) : undefined);
  }
}

/** Whether bytes are the beginning of a tar archive. */
export function isTar(first: Uint8Array): boolean {
  return new TextDecoder().decode(first.subarray(MAGIC, MAGIC + 5)) === 'ustar';
}

async function readData(
  reader: ByteReader,
  name: string,
  size: number,
  visitor: ReturnType<VisitEntry>,
): Promise<void> {
  const data = pieces(reader, name, size);
  await visitor?.(data);
  while (!(await data.next()).done);
  const padding = -size & (BLOCK - 1);
  if ((await reader.skip(padding)) < padding) throw tarError(`it breaks off at byte ${reader.position}`);
}

async function* pieces(
  reader: ByteReader,
  name: string,
  size: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (let left = size; left > 0; ) {
    const piece = await reader.some(Math.min(left, PIECE_BYTES));
    if (piece.length === 0) throw tarError(`of the ${size} bytes of ${name} ${size - left} are there`);
    left -= piece.length;
    yield piece;
  }
}

async function takeExtension(reader: ByteReader, size: number, at: number): Promise<Uint8Array> {
  if (size > MAX_EXTENSION_BYTES) {
    throw tarError(`the header at byte ${at} has ${size} bytes; up to ${MAX_EXTENSION_BYTES} are read`);
  }
  const bytes = await reader.take(Math.ceil(size / BLOCK) * BLOCK);
  if (bytes.length < size) throw tarError(`it breaks off at byte ${reader.position}`);
  return bytes.subarray(0, size);
}

/** Records "length key=value\n", where the length counts all of the record. */
function parsePax(bytes: Uint8Array, at: number): Extension {
  const extension: Extension = {};
  for (let start = 0; start < bytes.length; ) {
    const head = /^(\d{1,6}) /.exec(new TextDecoder().decode(bytes.subarray(start, start + 7)));
    const end = start + Number(head?.[1] ?? 0);
    const equals = bytes.indexOf('='.charCodeAt(0), start);
    if (head === null || end > bytes.length || equals < 0 || equals >= end || bytes[end - 1] !== 0x0a) {
      throw tarError(`the extended header at byte ${at} is damaged`);
    }
    const text = (from: number, to: number) => new TextDecoder().decode(bytes.subarray(from, to));
    const key = text(start + head[0].length, equals);
    const value = text(equals + 1, end - 1);
    if (key === 'path') extension.path = value;
    if (key === 'size') {
      if (!/^\d{1,15}$/.test(value)) throw tarError(`the size in the extended header at byte ${at} is none`);
      extension.size = Number(value);
    }
    start = end;
  }
  return extension;
}

function checkHeader(header: Uint8Array, at: number): void {
  const [start, end] = FIELDS.checksum;
  const told = numberOf(header, FIELDS.checksum, at);
  // The sum of all bytes, those of the checksum counted as spaces.
  const found = header.reduce((sum, byte, i) => sum + (i >= start && i < end ? 0x20 : byte), 0);
  if (told !== found) throw tarError(`at byte ${at} is no header of an entry (its checksum is wrong)`);
}

/** A number in octal digits, or in GNU's binary form where the first bit is set. */
function numberOf(header: Uint8Array, [start, end]: readonly [number, number], at: number): number {
  const bytes = header.subarray(start, end);
  if (bytes[0] & 0x80) {
    const value = bytes.reduce((sum, byte, i) => 256 * sum + (i === 0 ? byte & 0x7f : byte), 0);
    if (Number.isSafeInteger(value)) return value;
  }
  const text = untilNul(bytes).trim();
  if (!/^[0-7]*$/.test(text)) throw tarError(`the header at byte ${at} has no number where one has to be`);
  return text === '' ? 0 : Number.parseInt(text, 8);
}

function nameOf(header: Uint8Array): string {
  const name = untilNul(header.subarray(...FIELDS.name));
  const prefix = isTar(header) ? untilNul(header.subarray(...FIELDS.prefix)) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

function untilNul(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

async function drain(reader: ByteReader): Promise<void> {
  while ((await reader.some(PIECE_BYTES)).length > 0);
}

function tarError(cause: string): SetError {
  return new SetError('body', `Not a readable tar archive: ${cause}.`);
}
