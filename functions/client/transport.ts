import type * as z from 'zod';
import { errorOf, SoftmarginError } from './error.ts';

/** Where the service is, and how it is spoken to. */
export interface ClientOptions {
  /** As `https://softmargin.example.com`; a path behind it is kept. */
  readonly url: string;
  /** What every request carries: `Authorization: Bearer <key>`. */
  readonly key?: string | undefined;
  /** How often a request is sent again that was told to wait or did not arrive. 3 by default. */
  readonly retries?: number;
  /** In place of the global one. */
  readonly fetch?: typeof fetch;
}

/** What a body may be: it can be sent again. */
export type Body = Uint8Array | Blob | string;

export interface Request {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Body;
  /** The body as JSON. */
  readonly json?: unknown;
  /** Whether sending it twice does no more than sending it once. By default all but POST. */
  readonly isIdempotent?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/** The longest a `Retry-After` is heeded; a service that wants more is told of as an error. */
const LONGEST_WAIT_MS = 60_000;
const FIRST_WAIT_MS = 250;

/**
 * Sends requests. One that is answered 429 with `Retry-After` was not worked on, so it is sent again after that;
 * one that met a network failure is sent again where it is idempotent.
 */
export class Transport {
  readonly #url: string;
  readonly #key: string | undefined;
  readonly #retries: number;
  readonly #fetch: typeof fetch;

  /** @throws {TypeError} if the URL is none of http or https. */
  constructor({ url, key, retries = 3, fetch: given }: ClientOptions) {
    const parsed = URL.canParse(url) ? new URL(url) : undefined;
    if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
      throw new TypeError(`The URL of the service is "${url}", not http://… or https://….`);
    }
    this.#url = url.replace(/\/+$/, '');
    this.#key = key;
    this.#retries = retries;
    this.#fetch = given ?? ((...request) => fetch(...request));
  }

  /** Sends a request and reads its answer as JSON. @throws {SoftmarginError} */
  async json<S extends z.ZodType>(schema: S, path: string, request: Request = {}): Promise<z.infer<S>> {
    const response = await this.send(path, request);
    let answer: unknown;
    try {
      answer = await response.json();
    } catch (cause) {
      throw unexpected(response, 'it is no JSON', cause);
    }
    const parsed = schema.safeParse(answer);
    if (!parsed.success) {
      const { path: field, message } = parsed.error.issues[0];
      throw unexpected(response, `${field.join('.') || 'it'}: ${message}`, parsed.error);
    }
    // The answer itself: what a later version of the service adds to it is kept.
    return answer as z.infer<S>;
  }

  /** Sends a request. @returns an answer that is well. @throws {SoftmarginError} */
  async send(path: string, request: Request = {}): Promise<Response> {
    const { method = 'GET', query = {}, headers, body, json, signal } = request;
    const isIdempotent = request.isIdempotent ?? method !== 'POST';
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) search.set(name, String(value));
    }
    const address = `${this.#url}${path}${search.size === 0 ? '' : `?${search}`}`;
    const content = json === undefined ? body : JSON.stringify(json);
    for (let attempt = 0; ; attempt++) {
      const isLast = attempt >= this.#retries;
      let response: Response;
      try {
        response = await this.#fetch(address, {
          method,
          headers: {
            ...(this.#key !== undefined && { Authorization: `Bearer ${this.#key}` }),
            ...(json !== undefined && { 'Content-Type': 'application/json' }),
            ...headers,
          },
          ...(content !== undefined && { body: content as NonNullable<RequestInit['body']> }),
          ...(signal && { signal }),
        });
      } catch (cause) {
        signal?.throwIfAborted();
        if (isIdempotent && !isLast) {
          await pause(FIRST_WAIT_MS * 2 ** attempt, signal);
          continue;
        }
        throw new SoftmarginError(
          `${new URL(this.#url).origin} could not be reached: ${reasonOf(cause)}`,
          { status: 0, code: 'network_error' },
          { cause },
        );
      }
      if (response.ok) return response;
      const wait = response.status === 429 ? retryAfter(response) : undefined;
      if (wait === undefined || wait > LONGEST_WAIT_MS || isLast) throw await errorOf(response);
      await response.body?.cancel();
      await pause(wait, signal);
    }
  }
}

function unexpected(response: Response, what: string, cause: unknown): SoftmarginError {
  const { origin, pathname } = new URL(response.url);
  return new SoftmarginError(
    `The answer of ${origin}${pathname} is not one of softmargin: ${what}.`,
    { status: response.status, code: 'unexpected_answer', requestId: response.headers.get('X-Request-Id') },
    { cause },
  );
}

/** Milliseconds, of seconds or of a date. */
function retryAfter(response: Response): number | undefined {
  const text = response.headers.get('Retry-After');
  if (text === null) return undefined;
  const wait = /^\d+$/.test(text) ? 1000 * Number(text) : Date.parse(text) - Date.now();
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

/** What is behind fetch's "fetch failed". */
function reasonOf(error: unknown): string {
  const { cause, message } = error as Error & { cause?: Error & { code?: string; errors?: Error[] } };
  return cause?.code ?? cause?.message ?? message;
}

/** Waits. @throws the signal's reason once it is aborted. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(done, milliseconds);
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    function done() {
      signal?.removeEventListener('abort', abort);
      resolve();
    }
    signal?.addEventListener('abort', abort, { once: true });
  });
}
