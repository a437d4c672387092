import { ApiError } from './errors.ts';

/** Room for a body whose length was not announced; it doubles as the body grows. */
const FIRST_BUFFER_BYTES = 64 * 1024;

/**
 * Reads a request's body up to a limit, counting what arrives and not what `Content-Length` announces.
 *
 * @param what names the body in the error: "A picture".
 * @throws {ApiError} 413 above the limit.
 */
export async function readBody(request: Request, limit: number, what: string): Promise<Uint8Array> {
  const announced = Number(request.headers.get('Content-Length') ?? 0);
  if (announced > limit) throw tooLarge(limit, what);

  return withBody(request, limit, what, async (body) => {
    // A body of the announced length is read into place; a large one twice in memory would be too much.
    let bytes = new Uint8Array(announced > 0 ? announced : FIRST_BUFFER_BYTES);
    let length = 0;
    for await (const chunk of body) {
      const end = length + chunk.length;
      if (end > bytes.length) {
        const larger = new Uint8Array(Math.min(limit, Math.max(end, 2 * bytes.length)));
        larger.set(bytes.subarray(0, length));
        bytes = larger;
      }
      bytes.set(chunk, length);
      length = end;
    }
    return bytes.subarray(0, length);
  });
}

/**
 * Works on a request's body as it comes, up to a limit. Where that fails, the rest is read and dropped: a
 * client that sends on hears the answer only if its body is taken.
 *
 * @param what names the body in the error: "A set".
 * @throws {ApiError} 413 above the limit.
 */
export async function withBody<T>(
  request: Request,
  limit: number,
  what: string,
  work: (body: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  const body = streamBody(request, limit, what);
  try {
    return await work(body);
  } catch (error) {
    await body.return();
    await drop(request, limit);
    throw error;
  }
}

async function* streamBody(
  request: Request,
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
async function drop(request: Request, most: number): Promise<void> {
  if (request.body === null) return;
  try {
    const reader = (request.body as ReadableStream<Uint8Array>).getReader();
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

/** Reads a JSON body up to a limit. @throws {ApiError} 400 where it is not JSON, 413 above the limit. */
export async function readJson(request: Request, limit: number): Promise<unknown> {
  return parseJson(await readBody(request, limit, 'A JSON body'));
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
