import type { MiddlewareHandler } from 'hono';
import type { AppTypes } from '../environment.ts';
import { ApiError } from '../errors.ts';
import { RATE_LIMIT, RATE_PERIOD_SECONDS } from '../limits.ts';

/** Sends a key away that has asked more often than it may. Cloudflare counts, in each of its places. */
export const rateLimit: MiddlewareHandler<AppTypes> = async (context, next) => {
  const { id, owner } = context.var.key;
  const { success } = await context.env.REQUESTS.limit({ key: id ?? owner });
  if (success) return next();
  throw new ApiError(
    429,
    {
      message: `A key may send ${RATE_LIMIT} requests in ${RATE_PERIOD_SECONDS} seconds; this one sent more. Send it again in ${RATE_PERIOD_SECONDS} seconds.`,
      type: 'rate_limit_error',
      code: 'rate_limit_exceeded',
    },
    { 'Retry-After': String(RATE_PERIOD_SECONDS) },
  );
};
