import * as z from 'zod';
import { parseRequest } from '../errors.ts';
import { hex } from '../hex.ts';
import { MAX_IDEMPOTENCY_KEY_LENGTH } from '../limits.ts';
import type { Idempotency } from './catalogue.ts';

/** The header that a request keeps when it is sent again. */
export const IDEMPOTENCY_HEADER = 'Idempotency-Key';

const headerSchema = z.object({
  [IDEMPOTENCY_HEADER]: z
    .string()
    .min(1, 'is empty')
    .max(MAX_IDEMPOTENCY_KEY_LENGTH)
    .regex(/^[\x20-\x7e]*$/, 'must be of printable ASCII characters')
    .optional(),
});

/**
 * The key of a request, and what makes another request with it the same one.
 *
 * @param request the parsed body, whose fields are in the order of its schema, however they were sent.
 */
export async function idempotencyOf(headers: Headers, request: object): Promise<Idempotency | undefined> {
  const given = headers.get(IDEMPOTENCY_HEADER) ?? undefined;
  const key = parseRequest(headerSchema, { [IDEMPOTENCY_HEADER]: given })[IDEMPOTENCY_HEADER];
  if (key === undefined) return undefined;
  const bytes = new TextEncoder().encode(JSON.stringify(request));
  return { key, request: hex(await crypto.subtle.digest('SHA-256', bytes)) };
}
