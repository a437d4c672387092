import { errorSchema } from '@softmargin/functions/openapi/answers.ts';
import * as z from 'zod';
import { readKey } from './key.ts';

// The policy of the page forbids code that is made of text, and zod would try.
z.config({ jitless: true });

/** What the service refused, in its own words. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface RequestOptions {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Bytes or a form as they are; anything else as JSON. */
  readonly body?: Blob | FormData | object;
  readonly signal?: AbortSignal | undefined;
  /** Instead of the one that is kept. */
  readonly key?: string;
}

/** Sends a request with the key. @throws {RequestError} with the server's message where it is refused. */
export async function request(path: string, options: RequestOptions = {}): Promise<Response> {
  const { method = 'GET', body, signal, key = readKey() } = options;
  const asItIs = body instanceof Blob || body instanceof FormData;
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers: {
        ...(key !== null && { Authorization: `Bearer ${key}` }),
        ...(body !== undefined && !asItIs && { 'Content-Type': 'application/json' }),
      },
      ...(body !== undefined && { body: asItIs ? body : JSON.stringify(body) }),
      ...(signal !== undefined && { signal }),
    });
  } catch (error) {
    if ((error as Error).name === 'AbortError') throw error;
    throw new RequestError(0, 'The server cannot be reached. Is it running?');
  }
  if (response.ok) return response;
  if (response.status === 401) dispatchEvent(new Event('key-refused'));
  const parsed = errorSchema.safeParse(await response.json().catch(() => undefined));
  throw new RequestError(
    response.status,
    parsed.success ? parsed.data.error.message : `The server answered ${response.status}.`,
  );
}

/** The answer of a request, held against what the API says of it. */
export async function requestJson<S extends z.ZodType>(
  schema: S,
  path: string,
  options: RequestOptions = {},
): Promise<z.infer<S>> {
  const response = await request(path, options);
  return schema.parse(await response.json());
}
