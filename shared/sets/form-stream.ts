import type { ByteReader } from './byte-reader.ts';
import { SetError } from './embedding-set.ts';
import type { EntryVisitor } from './entry-visitor.ts';

/** Bytes of the headers of one part, at most. */
const MAX_HEADER_BYTES = 16_384;

/** The longest boundary that the format allows. */
const MAX_BOUNDARY_LENGTH = 70;

/** A part of a form: its field, and the name of its file where it is one. */
export interface FormPart {
  readonly field: string;
  readonly filename: string | undefined;
}

/** The boundary of a form, by its `Content-Type`; `undefined` where that is no `multipart/form-data`. */
export function formBoundary(contentType: string): string | undefined {
  if (!/^multipart\/form-data\s*(;|$)/i.test(contentType)) return undefined;
  const found = /;\s*boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType);
  const boundary = found?.[1] ?? found?.[2] ?? '';
  if (boundary === '' || boundary.length > MAX_BOUNDARY_LENGTH) {
    throw new SetError('body', 'The Content-Type multipart/form-data has no boundary of 1 to 70 characters.');
  }
  return boundary;
}

/**
 * Reads a form (`multipart/form-data`, RFC 7578) as it comes, holding the headers of one part. Throws
 * {@link SetError}.
 *
 * @param visit gives who takes a part; `undefined` passes over it.
 */
export async function readFormStream(
  reader: ByteReader,
  boundary: string,
  visit: (part: FormPart) => EntryVisitor | undefined,
  maxParts: number,
): Promise<void> {
  const delimiter = new TextEncoder().encode(`\r\n--${boundary}`);
  // The first boundary stands at the beginning of a line too, which may be that of the body.
  reader.unread(new TextEncoder().encode('\r\n'));
  for await (const _ of untilDelimiter(reader, delimiter));
  for (let parts = 0; await opensPart(reader); ) {
    if (++parts > maxParts) throw formError(`it has more than ${maxParts} parts`);
    const data = untilDelimiter(reader, delimiter);
    await visit(await readHeaders(reader))?.(data);
    while (!(await data.next()).done);
  }
}

/** Behind a boundary: a line break before a part, or the two hyphens of the end. */
async function opensPart(reader: ByteReader): Promise<boolean> {
  const next = new TextDecoder().decode(await reader.take(2));
  if (next === '--') {
    await reader.skip(Number.POSITIVE_INFINITY);
    return false;
  }
  if (next !== '\r\n') throw formError(`behind the boundary at byte ${reader.position} is no part`);
  return true;
}

async function readHeaders(reader: ByteReader): Promise<FormPart> {
  let part: FormPart | undefined;
  let total = 0;
  for (;;) {
    const decoder = new TextDecoder();
    let line = '';
    while (!line.endsWith('\r\n')) {
      const piece = await reader.some(MAX_HEADER_BYTES);
      if (piece.length === 0) throw formError('it breaks off in the headers of a part');
      const end = piece.indexOf(0x0a);
      const bytes = end < 0 ? piece : piece.subarray(0, end + 1);
      if (bytes.length < piece.length) reader.unread(piece.subarray(bytes.length));
      total += bytes.length;
      if (total > MAX_HEADER_BYTES)
        throw formError(`a part has more than ${MAX_HEADER_BYTES} bytes of headers`);
      // A name may be cut within a character.
      line += decoder.decode(bytes, { stream: true });
    }
    if (line === '\r\n') break;
    if (!/^content-disposition:/i.test(line)) continue;
    const field = parameter(line, 'name');
    if (field === undefined) throw formError('a part has no name');
    part = { field, filename: parameter(line, 'filename') };
  }
  if (part === undefined) throw formError('a part has no Content-Disposition');
  return part;
}

function parameter(header: string, name: string): string | undefined {
  const encoded = new RegExp(`;\\s*${name}\\*=utf-8''([^;\\s]+)`, 'i').exec(header);
  if (encoded !== null) return decode(encoded[1]);
  const found = new RegExp(`;\\s*${name}=(?:"([^"]*)"|([^;\\s]+))`, 'i').exec(header);
  // Browsers and Python write quotes and line breaks in names as percent and digits, and nothing else.
  return (found?.[1] ?? found?.[2])?.replace(/%22/g, '"');
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw formError('the name of a file is not UTF-8');
  }
}

/** The bytes before the next delimiter, which is read with them. What it yields is a view or a copy. */
async function* untilDelimiter(
  reader: ByteReader,
  delimiter: Uint8Array,
): AsyncGenerator<Uint8Array, void, undefined> {
  let held: Uint8Array = new Uint8Array();
  for (;;) {
    const piece = await reader.some(65_536);
    if (piece.length === 0) throw formError(`it breaks off at byte ${reader.position}, within a part`);
    const bytes = joined(held, piece);
    const found = indexOf(bytes, delimiter);
    if (found >= 0) {
      // The delimiter ends in the last piece, for less than a delimiter was held.
      reader.unread(piece.subarray(piece.length - (bytes.length - found - delimiter.length)));
      if (found > 0) yield bytes.subarray(0, found);
      return;
    }
    // What may be the beginning of the delimiter waits for the bytes behind it.
    const sure = Math.max(0, bytes.length - delimiter.length + 1);
    held = bytes.slice(sure);
    if (sure > 0) yield bytes.subarray(0, sure);
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array): number {
  for (let at = bytes.indexOf(wanted[0]); at >= 0; at = bytes.indexOf(wanted[0], at + 1)) {
    if (at + wanted.length > bytes.length) return -1;
    if (wanted.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  return -1;
}

function formError(cause: string): SetError {
  return new SetError('body', `Not a readable multipart/form-data body: ${cause}.`);
}
