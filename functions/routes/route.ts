import type { Context, Handler, Hono } from 'hono';
import type { AppTypes } from '../environment.ts';
import { ApiError } from '../errors.ts';

/** What a path answers to, by method. */
export type Methods = Partial<Record<'GET' | 'POST' | 'PUT' | 'DELETE', Handler<AppTypes>>>;

/** Adds a path to the app; other methods on it are answered 405 with the ones allowed. */
export function addRoute(app: Hono<AppTypes>, path: string, methods: Methods): void {
  for (const [method, handler] of Object.entries(methods)) app.on(method, path, handler);
  // Hono answers HEAD with the handler of GET.
  const allowed = Object.keys(methods).flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  app.all(path, (context: Context) => {
    throw new ApiError(
      405,
      {
        message: `${context.req.method} is not answered here; ${allowed.join(', ')} ${allowed.length > 1 ? 'are' : 'is'}.`,
        code: 'method_not_allowed',
      },
      { Allow: allowed.join(', ') },
    );
  });
}
