import type { Context, Hono } from 'hono';
import * as z from 'zod';
import { readJson } from '../body.ts';
import type { AppTypes } from '../environment.ts';
import { ApiError, parseRequest } from '../errors.ts';
import { createKey, findKey, type KeyDescription, listKeys, revokeKey } from '../keys/catalogue.ts';
import { administersService, scopesSchema } from '../keys/key.ts';
import { MAX_KEY_BODY_BYTES, MAX_KEY_NAME_LENGTH, MAX_KEYS_PAGE } from '../limits.ts';
import { ownerSchema } from '../owners.ts';
import { addRoute, checkScope, needs } from './route.ts';

const pathSchema = z.object({
  key: z.uuid({ error: 'must be the id of a key, as GET /v1/keys lists them' }),
});

export const keyRequestSchema = z.strictObject({
  name: z.string().min(1).max(MAX_KEY_NAME_LENGTH),
  scopes: scopesSchema,
  // z.iso has this too, and costs a new isolate ten milliseconds.
  expiresAt: z
    .string()
    .regex(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$/,
      'must be a time with its zone, as 2026-01-31T12:00:00Z',
    )
    .refine((text) => Date.parse(text) > Date.now(), 'must lie in the future')
    .transform((text) => new Date(text).toISOString())
    .optional(),
  /** Whose it is; other than the caller's own only for the administrator of the service. */
  owner: ownerSchema.optional(),
});

export const keysPageSchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(MAX_KEYS_PAGE).default(MAX_KEYS_PAGE),
  after: z.uuid().optional(),
  owner: ownerSchema.optional(),
});

/** `/v1/keys`: an owner's keys; for the administrator of the service those of every owner. */
export function addKeyRoutes(app: Hono<AppTypes>): void {
  addRoute(app, '/v1/keys', { GET: needs('admin', list), POST: needs('admin', create) });
  addRoute(app, '/v1/keys/:key', {
    GET: needs('admin', async (context) => context.json(keyObject(await keyOf(context)))),
    DELETE: needs('admin', async (context) => {
      await revokeKey(context.var.bindings, (await keyOf(context)).id);
      return context.json(keyObject(await keyOf(context)));
    }),
  });
}

async function create(context: Context<AppTypes>): Promise<Response> {
  const { bindings, key: caller } = context.var;
  const request = parseRequest(keyRequestSchema, await readJson(context.req.raw, MAX_KEY_BODY_BYTES));
  const { name, scopes, expiresAt = null } = request;
  const owner = checkOwner(context, request.owner) ?? caller.owner;
  // A key gives no more than it has.
  for (const scope of scopes) checkScope(context, [scope]);
  const { key, description } = await createKey(bindings, { owner, name, scopes, expiresAt });
  return context.json({ ...keyObject(description), key }, 201, {
    Location: `/v1/keys/${description.id}`,
    'Cache-Control': 'no-store',
  });
}

async function list(context: Context<AppTypes>): Promise<Response> {
  const { bindings } = context.var;
  const { limit, after, owner: asked } = parseRequest(keysPageSchema, context.req.query());
  const owner = checkOwner(context, asked) ?? ownerSeenBy(context);
  const last = after === undefined ? undefined : await findKey(bindings, after, owner);
  if (last === null) throw keyNotFound(after as string, 'after');
  // One more than asked for shows whether there is a next page.
  const keys = await listKeys(bindings, limit + 1, last, owner);
  return context.json({
    object: 'list',
    data: keys.slice(0, limit).map(keyObject),
    hasMore: keys.length > limit,
  });
}

async function keyOf(context: Context<AppTypes>): Promise<KeyDescription> {
  const { key: id } = parseRequest(pathSchema, context.req.param());
  const key = await findKey(context.var.bindings, id, ownerSeenBy(context));
  if (key === null) throw keyNotFound(id, 'key');
  return key;
}

/** The owner whose keys a caller sees; `undefined` of who sees those of all. */
function ownerSeenBy(context: Context<AppTypes>): string | undefined {
  const { key } = context.var;
  return administersService(key) ? undefined : key.owner;
}

/** @throws {ApiError} 403 where the caller has no say over the owner that a request names. */
function checkOwner(context: Context<AppTypes>, owner: string | undefined): string | undefined {
  const { key } = context.var;
  if (owner === undefined || owner === key.owner || administersService(key)) return owner;
  throw new ApiError(403, {
    message: `owner: this key is of "${key.owner}"; keys of other owners are the administrator's to see to.`,
    param: 'owner',
    code: 'not_your_owner',
  });
}

function keyNotFound(id: string, param: string): ApiError {
  return new ApiError(404, { message: `There is no key "${id}".`, param, code: 'key_not_found' });
}

/** A key as answers show it: all but the key itself. */
function keyObject(description: KeyDescription) {
  const { id, owner, name, scopes, createdAt, expiresAt, revokedAt, lastUsedAt } = description;
  return { id, object: 'key', owner, name, scopes, createdAt, expiresAt, revokedAt, lastUsedAt };
}
