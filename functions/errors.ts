import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type * as z from 'zod';
import { logError } from './observation/log.ts';

/** What an error response says, in OpenAI's form. */
export interface ErrorDetails {
  readonly message: string;
  /** `invalid_request_error`, `authentication_error`, `permission_error`, `rate_limit_error` or `server_error`. */
  readonly type: string;
  /** The field at fault, as a path: `input[3].image`. */
  readonly param: string | null;
  /** A word for programs. */
  readonly code: string | null;
}

/** An error that the caller is told of, as it is. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly status: ContentfulStatusCode;
  readonly details: ErrorDetails;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: ContentfulStatusCode,
    { message, type, param, code }: Partial<ErrorDetails> & { message: string },
    headers: Record<string, string> = {},
  ) {
    super(message);
    this.status = status;
    this.details = { message, type: type ?? typeOf(status), param: param ?? null, code: code ?? null };
    this.headers = headers;
  }
}

function typeOf(status: number): string {
  if (status >= 500) return 'server_error';
  if (status === 401) return 'authentication_error';
  return status === 403 ? 'permission_error' : 'invalid_request_error';
}

/** Turns whatever a route threw into a response. What is not an `ApiError` is logged and not shown. */
export function respondToError(error: unknown, context: Context): Response {
  if (error instanceof ApiError) {
    return context.json({ error: error.details }, error.status, error.headers);
  }
  const requestId = context.get('requestId');
  logError(error, { requestId });
  if (isOverload(error)) {
    const { status, details, headers } = new ApiError(
      503,
      {
        message: 'The storage has more to do than it can; send it again in a second.',
        code: 'storage_overloaded',
      },
      { 'Retry-After': '1' },
    );
    return context.json({ error: details }, status, headers);
  }
  const details = new ApiError(500, {
    message: `The server failed. The log has the cause under the request id ${requestId}.`,
    code: 'internal_error',
  }).details;
  return context.json({ error: details }, 500);
}

/**
 * Whether an error says that D1 or a Durable Object has too many requests waiting. Only the latter has a property for it:
 * https://developers.cloudflare.com/durable-objects/best-practices/error-handling/,
 * https://developers.cloudflare.com/d1/observability/debug-d1/.
 */
function isOverload(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const isSaid = 'overloaded' in error && error.overloaded === true;
  return isSaid || /\boverloaded\b|requests queued/i.test(error.message);
}

/** Parses with zod. Throws an `ApiError` 400 that names the first field at fault. */
export function parseRequest<S extends z.ZodType>(schema: S, value: unknown): z.infer<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const unknownField = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
  const param = fieldPath(unknownField === undefined ? issue.path : [...issue.path, unknownField]);
  throw new ApiError(400, {
    message: param === '' ? `The body: ${issue.message}.` : `${param}: ${issue.message}.`,
    param: param || null,
    code: unknownField === undefined ? 'invalid_value' : 'unknown_field',
  });
}

function fieldPath(path: readonly PropertyKey[]): string {
  return path
    .map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i > 0 ? '.' : ''}${String(part)}`))
    .join('');
}
