import type { MiddlewareHandler } from 'hono';
import { type AppTypes, parseVariables } from './environment.ts';
import { ApiError } from './errors.ts';

/**
 * Lets a request pass that carries the key: `Authorization: Bearer <API_KEY>`. A deployment whose key was
 * never set serves nobody; `ACCESS = "open"`, which only the local start script passes, serves everybody.
 */
export const access: MiddlewareHandler<AppTypes> = async (context, next) => {
  const { ACCESS, API_KEY } = parseVariables(context.env);
  if (ACCESS === 'open') return next();
  if (API_KEY === undefined) {
    throw new ApiError(503, {
      message:
        'This deployment has no key yet, so it serves nobody. Set one with: wrangler secret put API_KEY',
      code: 'key_not_set',
    });
  }

  const given = /^Bearer +(\S+) *$/i.exec(context.req.header('Authorization') ?? '')?.[1];
  if (given === undefined || !(await sameText(given, API_KEY))) {
    throw new ApiError(
      401,
      {
        message: `${given === undefined ? 'No key was sent' : 'The key is not the right one'}. Send it as: Authorization: Bearer <key>`,
        code: given === undefined ? 'missing_api_key' : 'invalid_api_key',
      },
      { 'WWW-Authenticate': 'Bearer' },
    );
  }
  return next();
};

/** Compares digests: their length says nothing of the key, and the comparison takes the same time always. */
async function sameText(a: string, b: string): Promise<boolean> {
  const digest = (text: string) => crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return crypto.subtle.timingSafeEqual(await digest(a), await digest(b));
}
