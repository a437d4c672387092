import { ApiError } from './errors.ts';

/**
 * Reads a request's body up to a limit, counting what arrives and not what `Content-Length` announces.
 *
 * @param what names the body in the error: "A picture".
 * @throws {ApiError} 413 above the limit.
 */
export async function readBody(request: Request, limit: number, what: string): Promise<Uint8Array> {
  const tooLarge = () =>
    new ApiError(413, {
      message: `${what} may have up to ${limit} bytes (${formatMiB(limit)}); this body has more.`,
      code: 'body_too_large',
    });
  if (Number(request.headers.get('Content-Length') ?? 0) > limit) throw tooLarge();
  if (request.body === null) return new Uint8Array();

  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of request.body as ReadableStream<Uint8Array>) {
    length += chunk.length;
    if (length > limit) throw tooLarge();
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(length);
  let position = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, position);
    position += chunk.length;
  }
  return bytes;
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
  return bytes < 1024 * 1024 ? `${bytes / 1024} KiB` : `${bytes / (1024 * 1024)} MiB`;
}
