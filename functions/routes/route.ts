import type { Context, Handler, Hono } from 'hono';
import type { AppTypes } from '../environment.ts';
import { ApiError } from '../errors.ts';
import type { Scope } from '../keys/key.ts';

/** What answers a method of a path, and what a key needs for it: one of some scopes, or nothing. */
export interface Operation {
  readonly scopes: readonly Scope[];
  readonly handle: Handler<AppTypes>;
}

/** What a path answers to, by method. */
export type Methods = Partial<Record<'GET' | 'POST' | 'PUT' | 'DELETE', Operation>>;

/** An operation for keys that have one of some scopes. */
export function needs(scopes: Scope | readonly Scope[], handle: Handler<AppTypes>): Operation {
  const list: readonly Scope[] = typeof scopes === 'string' ? [scopes] : scopes;
  return { scopes: list, handle };
}

/** An operation for everybody, outside of what asks for a key. */
export function open(handle: Handler<AppTypes>): Operation {
  return { scopes: [], handle };
}

/** Adds a path to the app; other methods on it are answered 405 with the ones allowed. */
export function addRoute(app: Hono<AppTypes>, path: string, methods: Methods): void {
  for (const [method, { scopes, handle }] of Object.entries(methods)) {
    app.on(method, path, (context, next) => {
      if (scopes.length > 0) checkScope(context, scopes);
      return handle(context, next);
    });
  }
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

/** @throws {ApiError} 403 where the key of a request has none of the scopes. */
export function checkScope(context: Context<AppTypes>, scopes: readonly Scope[]): void {
  const { key } = context.var;
  if (scopes.some((scope) => key.scopes.includes(scope))) return;
  throw new ApiError(403, {
    message: `This needs a key with the scope ${scopes.join(' or ')}; the key that was sent has ${key.scopes.join(', ')}.`,
    code: 'insufficient_scope',
  });
}
