import { waitUntil } from 'cloudflare:workers';
import type { MiddlewareHandler } from 'hono';
import { type AppTypes, type Bindings, parseVariables } from './environment.ts';
import { ApiError } from './errors.ts';
import { digestOf, findKeyInForce, recordUse } from './keys/catalogue.ts';
import { ADMINISTRATOR, type Key } from './keys/key.ts';
import { logError } from './observation/log.ts';
import { bindingsOf } from './owners.ts';

/**
 * Lets a request pass that carries a key in force, `Authorization: Bearer <key>`, and narrows the bindings down to
 * its owner. A deployment whose secret `API_KEY` was never set serves nobody.
 */
export const access: MiddlewareHandler<AppTypes> = async (context, next) => {
  const given = /^Bearer +(\S+) *$/i.exec(context.req.header('Authorization') ?? '')?.[1];
  const key = given === undefined ? undefined : await keyOf(context.env, given);
  if (key === undefined) {
    throw new ApiError(
      401,
      {
        message: `${given === undefined ? 'No key was sent' : 'The key is unknown, has expired or was revoked'}. Send one as: Authorization: Bearer <key>`,
        code: given === undefined ? 'missing_api_key' : 'invalid_api_key',
      },
      { 'WWW-Authenticate': 'Bearer' },
    );
  }
  context.set('key', key);
  context.set('bindings', bindingsOf(context.env, key.owner));
  if (key.id !== undefined) waitUntil(recordUse(context.env, key.id).catch(logError));
  return next();
};

async function keyOf(bindings: Bindings, given: string): Promise<Key | undefined> {
  const { API_KEY } = parseVariables(bindings);
  if (API_KEY === undefined) {
    throw new ApiError(503, {
      message:
        'This deployment has no key yet, so it serves nobody. Set one with: wrangler secret put API_KEY',
      code: 'key_not_set',
    });
  }
  const digest = await digestOf(given);
  // Digests are compared: their length says nothing of the key, and the comparison takes the same time always.
  if (crypto.subtle.timingSafeEqual(digest, await digestOf(API_KEY))) return ADMINISTRATOR;
  return (await findKeyInForce(bindings, digest)) ?? undefined;
}
