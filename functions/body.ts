import { ApiError } from './errors.ts';

/** Room for a body whose length was not announced; it doubles as the body grows. */
const FIRST_BUFFER_BYTES = 64 * 1024;

/** What a body that is held whole is asked for beside its limit. */
export interface Reading {
  /** Is told of every byte of memory before it is taken, and may refuse. */
  readonly hold?: (bytes: number) => void;
  /** Milliseconds in which the body has to be there. */
  readonly within?: number;
}

/**
 * Reads a request's body up to a limit, counting what arrives and not what `Content-Length` announces.
 *
 * @param what names the body in the error: "A picture".
 * @throws {ApiError} 413 above the limit, 408 where it takes longer than it may.
 */
export async function readBody(
  request: Pick<Request, 'body' | 'headers'>,
  limit: number,
  what: string,
  { hold = () => {}, within }: Reading = {},
): Promise<Uint8Array> {
  const announced = Number(request.headers.get('Content-Length') ?? 0);
  const reader = (request.body as ReadableStream<Uint8Array> | null)?.getReader();
  if (reader === undefined) return new Uint8Array();
  const late = within === undefined ? undefined : new Lateness(within, what);
  try {
    if (announced > limit) throw tooLarge(limit, what);
    // A body of the announced length is read into place; a large one twice in memory would be too much.
    let bytes = allocate(announced > 0 ? announced : FIRST_BUFFER_BYTES, hold);
    let length = 0;
    for (;;) {
      const { done, value } = await Promise.race([
        reader.read(),
        ...(late === undefined ? [] : [late.promise]),
      ]);
      if (done) return bytes.subarray(0, length);
      const end = length + value.length;
      if (end > limit) throw tooLarge(limit, what);
      if (end > bytes.length) {
        const larger = allocate(Math.min(limit, Math.max(end, 2 * bytes.length)), hold);
        larger.set(bytes.subarray(0, length));
        bytes = larger;
      }
      bytes.set(value, length);
      length = end;
    }
  } catch (error) {
    if (late?.isOver) await reader.cancel().catch(() => {});
    else await drop(reader, limit);
    throw error;
  } finally {
    late?.end();
  }
}

function allocate(bytes: number, hold: (bytes: number) => void): Uint8Array {
  hold(bytes);
  return new Uint8Array(bytes);
}

/** Rejects once a time is over, unless it is ended before. */
class Lateness {
  readonly promise: Promise<never>;
  isOver = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(within: number, what: string) {
    this.promise = new Promise((_, reject) => {
      this.#timer = setTimeout(() => {
        this.isOver = true;
        reject(
          new ApiError(408, {
            message: `${what} has to arrive within ${within / 1000} seconds; this one did not.`,
            code: 'body_too_slow',
          }),
        );
      }, within);
    });
  }

  end(): void {
    if (this.#timer !== undefined) clearTimeout(this.#timer);
  }
}

/**
 * Works on a request's body as it comes, up to a limit. Where that fails, the rest is read and dropped: a
 * client that sends on hears the answer only if its body is taken.
 *
 * @param what names the body in the error: "A set".
 * @throws {ApiError} 413 above the limit.
 */
export async function withBody<T>(
  request: Pick<Request, 'body' | 'headers'>,
  limit: number,
  what: string,
  work: (body: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  const body = streamBody(request, limit, what);
  try {
    return await work(body);
  } catch (error) {
    await body.return();
    const rest = request.body as ReadableStream<Uint8Array> | null;
    if (rest !== null) await drop(rest.getReader(), limit);
    throw error;
  }
}

async function* streamBody(
  request: Pick<Request, 'body' | 'headers'>,
  limit: number,
  what: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (Number(request.headers.get('Content-Length') ?? 0) > limit) throw tooLarge(limit, what);
  if (request.body === null) return;
  let length = 0;
  const chunks = (request.body as ReadableStream<Uint8Array>).values({ preventCancel: true });
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > limit) throw tooLarge(limit, what);
    yield chunk;
  }
}

/** Reads up to `most` bytes of what is left of a body, for nothing. */
async function drop(reader: ReadableStreamDefaultReader<Uint8Array>, most: number): Promise<void> {
  try {
    for (let dropped = 0; dropped < most; ) {
      const { done, value } = await reader.read();
      if (done) return;
      dropped += value.length;
    }
    await reader.cancel();
  } catch {
    // The client has gone; there is nobody to be told.
  }
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
