import { ApiError } from './errors.ts';
import { BODY_MS, BODY_PAUSE_MS } from './limits.ts';
import { whileBodyComes, whileUploading } from './requests-in-flight.ts';

/** Room for a body until more of it has come: what a client only announces takes no more. */
const FIRST_BUFFER_BYTES = 64 * 1024;

/** What a body that is held whole is asked for beside its limit. */
export interface Reading {
  /** Is told of every byte of memory before it is taken, and may refuse. */
  readonly hold?: (bytes: number) => void;
  /** Milliseconds in which the body has to be there. */
  readonly within?: number;
}

type Message = Pick<Request, 'body' | 'headers'>;

/**
 * Reads a request's body up to a limit, counting what arrives and not what `Content-Length` announces.
 *
 * @param what names the body in the error: "A picture".
 * @throws {ApiError} 413 above the limit, 408 where it takes longer than it may, 429 where the isolate has no place
 *   for the request when its body is there.
 */
export function readBody(
  request: Message,
  limit: number,
  what: string,
  { hold = () => {}, within = BODY_MS }: Reading = {},
): Promise<Uint8Array> {
  return whileBodyComes(request, async () => {
    const reader = readerOf(request);
    if (reader === undefined) return new Uint8Array();
    try {
      return await collect(new TimedReader(reader, what, within), announcedBy(request), limit, what, hold);
    } catch (error) {
      await dropRest(reader, error, limit);
      throw error;
    }
  });
}

async function collect(
  reader: TimedReader,
  announced: number,
  limit: number,
  what: string,
  hold: (bytes: number) => void,
): Promise<Uint8Array> {
  if (announced > limit) throw tooLarge(limit, what);
  const allocate = (bytes: number) => {
    hold(bytes);
    return new Uint8Array(bytes);
  };
  let bytes = allocate(Math.min(announced || FIRST_BUFFER_BYTES, FIRST_BUFFER_BYTES));
  let length = 0;
  for (;;) {
    const value = await reader.read();
    if (value === undefined) return bytes.subarray(0, length);
    const end = length + value.length;
    if (end > limit) throw tooLarge(limit, what);
    if (end > bytes.length) {
      // A body of the announced length is read into place; a large one twice in memory would be too much.
      const larger = allocate(Math.min(limit, Math.max(end, announced, 2 * bytes.length)));
      larger.set(bytes.subarray(0, length));
      bytes = larger;
    }
    bytes.set(value, length);
    length = end;
  }
}

/**
 * Works on a request's body as it comes, up to a limit. Where that fails, the rest is read and dropped: a
 * client that sends on hears the answer only if its body is taken.
 *
 * @param what names the body in the error: "A set".
 * @throws {ApiError} 413 above the limit, 408 where it stands still for long, 429 where the isolate has no place.
 */
export async function withBody<T>(
  request: Message,
  limit: number,
  what: string,
  work: (body: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  try {
    return await whileUploading(request, async (place) => {
      const body = streamBody(request, limit, what, place.renew);
      try {
        return await work(body);
      } finally {
        await body.return();
      }
    });
  } catch (error) {
    const reader = readerOf(request);
    if (reader !== undefined) await dropRest(reader, error, limit);
    throw error;
  }
}

async function* streamBody(
  request: Message,
  limit: number,
  what: string,
  renew: () => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (announcedBy(request) > limit) throw tooLarge(limit, what);
  const reader = readerOf(request);
  if (reader === undefined) return;
  const timed = new TimedReader(reader, what);
  try {
    let length = 0;
    for (let chunk = await timed.read(); chunk !== undefined; chunk = await timed.read()) {
      length += chunk.length;
      if (length > limit) throw tooLarge(limit, what);
      renew();
      yield chunk;
    }
  } finally {
    reader.releaseLock();
  }
}

type Reader = ReadableStreamDefaultReader<Uint8Array>;

function readerOf({ body }: Message): Reader | undefined {
  return (body as ReadableStream<Uint8Array> | null)?.getReader();
}

/** What `Content-Length` says; 0 where it says nothing that is a length. */
function announcedBy({ headers }: Message): number {
  const text = headers.get('Content-Length') ?? '';
  return /^\d+$/.test(text) ? Number(text) : 0;
}

/** Reads a body whose sender may not pause for long, and may have to be done by a time. */
class TimedReader {
  readonly #reader: Reader;
  readonly #what: string;
  readonly #within: number;
  readonly #begun = Date.now();

  constructor(reader: Reader, what: string, within = Number.POSITIVE_INFINITY) {
    this.#reader = reader;
    this.#what = what;
    this.#within = within;
  }

  /** @returns `undefined` at the end. @throws {ApiError} 408. */
  async read(): Promise<Uint8Array | undefined> {
    const left = this.#begun + this.#within - Date.now();
    let timer: ReturnType<typeof setTimeout> | null = null;
    const late = new Promise<never>((_, reject) => {
      const refuse = () =>
        reject(new BodyTooSlow(this.#what, left < BODY_PAUSE_MS ? this.#within : undefined));
      timer = setTimeout(refuse, Math.max(0, Math.min(left, BODY_PAUSE_MS)));
    });
    try {
      const { done, value } = await Promise.race([this.#reader.read(), late]);
      return done ? undefined : value;
    } finally {
      clearTimeout(timer);
    }
  }
}

class BodyTooSlow extends ApiError {
  /** @param within what the whole body had; `undefined` where it stood still. */
  constructor(what: string, within: number | undefined) {
    const rule =
      within === undefined
        ? `may stand still for ${BODY_PAUSE_MS / 1000} seconds; this one did for longer`
        : `has to arrive within ${within / 1000} seconds; this one did not`;
    super(408, { message: `${what} ${rule}.`, code: 'body_too_slow' });
  }
}

/** Reads up to `most` bytes of what is left of a body that was refused, for nothing. */
async function dropRest(reader: Reader, refusal: unknown, most: number): Promise<void> {
  try {
    const timed = new TimedReader(reader, 'What is refused', BODY_PAUSE_MS);
    for (let dropped = 0; dropped < most && !(refusal instanceof BodyTooSlow); ) {
      const chunk = await timed.read();
      if (chunk === undefined) return;
      dropped += chunk.length;
    }
  } catch {
    // The client has gone or stands still: there is nobody to be told.
  }
  await reader.cancel().catch(() => {});
}

function tooLarge(limit: number, what: string): ApiError {
  return new ApiError(413, {
    message: `${what} may have up to ${limit} bytes (${formatMiB(limit)}); this body has more.`,
    code: 'body_too_large',
  });
}

/** Reads a JSON body up to a limit. @throws {ApiError} 400 where it is not JSON, and as `readBody` does. */
export async function readJson(request: Request, limit: number, reading?: Reading): Promise<unknown> {
  return parseJson(await readBody(request, limit, 'A JSON body', reading));
}

/** Parses UTF-8 bytes as JSON. @throws {ApiError} 400. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes));
  } catch (error) {
    const cause = bytes.length === 0 ? 'it is empty' : (error as Error).message;
    throw new ApiError(400, { message: `The body is not JSON: ${cause}.`, code: 'invalid_json' });
  }
}

/** The media type a request declares, in lower case and without parameters; empty where it declares none. */
export function mediaType(request: Request): string {
  return (request.headers.get('Content-Type') ?? '').split(';')[0].trim().toLowerCase();
}

function formatMiB(bytes: number): string {
  const [unit, name] = bytes < 1024 * 1024 ? [1024, 'KiB'] : [1024 * 1024, 'MiB'];
  return `${Number((bytes / unit).toFixed(1))} ${name}`;
}
