import type { Context, MiddlewareHandler } from 'hono';
import { matchedRoutes } from 'hono/route';
import { type AppTypes, parseVariables } from '../environment.ts';
import { count, flushLater } from './counters.ts';
import { logLine } from './log.ts';

/** Upper ends of the classes that answers are counted in by their time, in seconds. */
export const SECONDS = [0.01, 0.05, 0.25, 1, 5, 30] as const;

/**
 * Counts and logs every request by its route, never by its path: names, pictures and keys are in neither. A time is
 * until the answer begins.
 */
export const observe: MiddlewareHandler<AppTypes> = async (context, next) => {
  const { LOG_REQUESTS, METRICS_FLUSH_MS } = parseVariables(context.env);
  const begun = Date.now();
  await next();
  const milliseconds = Date.now() - begun;
  const { method } = context.req;
  const { status } = context.res;
  const route = routeOf(context);
  const where = `method="${methods.has(method) ? method : 'other'}",route="${route}"`;
  count('softmargin_requests_total', `${where},status="${status}"`);
  count('softmargin_request_seconds_sum', where, milliseconds / 1000);
  count('softmargin_request_seconds_count', where);
  for (const end of SECONDS) {
    if (milliseconds <= 1000 * end) count('softmargin_request_seconds_bucket', `${where},le="${end}"`);
  }
  count('softmargin_request_seconds_bucket', `${where},le="+Inf"`);
  flushLater(context.env, METRICS_FLUSH_MS);
  if (LOG_REQUESTS === 'off') return;
  const key = context.get('key') as AppTypes['Variables']['key'] | undefined;
  logLine('info', 'request', {
    requestId: context.get('requestId'),
    ...{ method, route, status, milliseconds },
    ...(key !== undefined && { owner: key.owner, key: key.id ?? 'API_KEY' }),
  });
};

const methods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS']);

/** The pattern that a request's path was found by: there are as many as there are routes. */
function routeOf(context: Context<AppTypes>): string {
  return matchedRoutes(context).find(({ path }) => !path.endsWith('*'))?.path ?? 'none';
}
