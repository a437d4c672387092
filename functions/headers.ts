import type { MiddlewareHandler } from 'hono';
import { type AppTypes, parseVariables } from './environment.ts';

/** What every answer carries, unless its route says otherwise. */
const HEADERS: Readonly<Record<string, string>> = {
  // An answer is data. Whatever is in it, a browser that shows it runs nothing and fetches nothing.
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  // Means nothing over plain HTTP, as on this machine.
  'Strict-Transport-Security': 'max-age=31536000; includeSubDomains',
  // What a key opens is kept by nobody in between.
  'Cache-Control': 'no-store',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

/** Sets the headers that protect whoever reads an answer in a browser. */
export const securityHeaders: MiddlewareHandler<AppTypes> = async (context, next) => {
  await next();
  for (const [name, value] of Object.entries(HEADERS)) {
    if (!context.res.headers.has(name)) context.header(name, value);
  }
};

/** What pages of other origins may read of an answer. */
const EXPOSED = 'ETag, Location, Model-Version, Retry-After, Server-Timing, X-Request-Id';

/**
 * Answers pages of the origins that `CORS_ORIGINS` lists; all others get no word of permission. A key is sent in a
 * header and never in a cookie, so that no page makes use of what it does not know.
 */
export const crossOrigin: MiddlewareHandler<AppTypes> = async (context, next) => {
  const origin = context.req.header('Origin');
  if (origin === undefined || !parseVariables(context.env).CORS_ORIGINS.includes(origin)) return next();
  const allowed = { 'Access-Control-Allow-Origin': origin, Vary: 'Origin' };
  if (context.req.method === 'OPTIONS' && context.req.header('Access-Control-Request-Method') !== undefined) {
    return context.body(null, 204, {
      ...allowed,
      'Access-Control-Allow-Methods': 'GET, HEAD, POST, PUT, DELETE',
      'Access-Control-Allow-Headers': 'Authorization, Content-Type, Idempotency-Key, X-Request-Id',
      'Access-Control-Max-Age': '600',
    });
  }
  await next();
  for (const [name, value] of Object.entries(allowed)) context.header(name, value);
  context.header('Access-Control-Expose-Headers', EXPOSED);
  context.header('Cross-Origin-Resource-Policy', 'cross-origin');
};
