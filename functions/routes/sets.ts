import { ByteReader } from '@softmargin/shared/sets/byte-reader.ts';
import { SetError } from '@softmargin/shared/sets/embedding-set.ts';
import { formBoundary } from '@softmargin/shared/sets/form-stream.ts';
import { pictureNamings } from '@softmargin/shared/sets/picture-names.ts';
import type { Context, Hono } from 'hono';
import * as z from 'zod';
import { withBody } from '../body.ts';
import type { AppTypes } from '../environment.ts';
import { ApiError, parseRequest } from '../errors.ts';
import { MAX_SET_BODY_BYTES, MAX_SETS_PAGE } from '../limits.ts';
import { findSet, listSets, removeSet, type StoredSet } from '../sets/catalogue.ts';
import { sweep } from '../sets/holds.ts';
import type { FailedPicture } from '../sets/store-pictures.ts';
import { type BodyReading, storeSet } from '../sets/store-set.ts';
import { addRoute, needs } from './route.ts';

/** Names of sets, in paths and in requests. */
export const setNameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'must be 1 to 64 letters, digits, dots, underscores and hyphens, and start with a letter or digit',
  );

const pathSchema = z.object({ set: setNameSchema });

export const setsPageSchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(MAX_SETS_PAGE).default(MAX_SETS_PAGE),
  /** The list goes on behind this name, whether or not a set has it. */
  after: setNameSchema.optional(),
});

/** How the body of a part is to be read. */
export const partQuerySchema = z.strictObject({
  /** Of a file that holds a query set and a gallery set. */
  side: z.enum(['query', 'gallery']).optional(),
});

/** How the body of a set is to be read. */
export const bodyQuerySchema = partQuerySchema.extend({
  /** How the names of pictures give their labels. */
  names: z.enum(pictureNamings).optional(),
});

/** `/v1/sets`: query and gallery sets, of embeddings or of pictures. */
export function addSetRoutes(app: Hono<AppTypes>): void {
  addRoute(app, '/v1/sets', {
    GET: needs('evaluate', async (context) => {
      const { limit, after } = parseRequest(setsPageSchema, context.req.query());
      // One more than asked for tells whether there are more.
      const sets = await listSets(context.var.bindings, limit + 1, after ?? '');
      return context.json({
        object: 'list',
        data: sets.slice(0, limit).map(setObject),
        hasMore: sets.length > limit,
      });
    }),
  });

  addRoute(app, '/v1/sets/:set', {
    GET: needs('evaluate', async (context) => {
      const { set: name } = parseRequest(pathSchema, context.req.param());
      const description = await findSet(context.var.bindings, name);
      if (description === null) throw setNotFound(name, 'set');
      return context.json(setObject(description));
    }),
    PUT: needs('evaluate', async (context) => {
      const { set: name } = parseRequest(pathSchema, context.req.param());
      const { description, created, errors } = await withBody(
        context.req.raw,
        MAX_SET_BODY_BYTES,
        'A set in one body',
        (body) =>
          refusingSets(() =>
            storeSet(context.var.bindings, name, new ByteReader(body), readingOf(context, bodyQuerySchema)),
          ),
      );
      const answer = { ...setObject(description), ...pictureErrors(errors) };
      return context.json(answer, created ? 201 : 200, { Location: `/v1/sets/${name}` });
    }),
    DELETE: needs('evaluate', async (context) => {
      const { set: name } = parseRequest(pathSchema, context.req.param());
      if (!(await removeSet(context.var.bindings, name))) throw setNotFound(name, 'set');
      await sweep(context.var.bindings);
      return context.json({ id: name, object: 'set', deleted: true });
    }),
  });
}

/** @param param the field that names the set. */
export function setNotFound(name: string, param: string): ApiError {
  return new ApiError(404, {
    message: `${param}: there is no set "${name}". GET /v1/sets lists what there is.`,
    param,
    code: 'set_not_found',
  });
}

/** Answers 400 where what was sent is no set. */
export async function refusingSets<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof SetError)) throw error;
    throw new ApiError(400, { message: error.message, param: error.param, code: 'invalid_set' });
  }
}

/** How a request wants its body to be read, by its query and its `Content-Type`. */
export function readingOf(
  context: Context<AppTypes>,
  schema: typeof partQuerySchema | typeof bodyQuerySchema,
): BodyReading {
  const { side, names } = parseRequest(schema as typeof bodyQuerySchema, context.req.query());
  return { side, naming: names, boundary: formBoundary(context.req.header('Content-Type') ?? '') };
}

/** A set as answers show it. */
export function setObject(description: StoredSet) {
  const { name, kind, sha256, count, dimension, identities, cameras, groups, createdAt } = description;
  return {
    ...{ id: name, object: 'set', kind, sha256, count },
    dimension: kind === 'pictures' ? null : dimension,
    ...{ identities, cameras, groups },
    ...(kind === 'pictures' && { brokenPictures: description.brokenPictures }),
    createdAt,
  };
}

/** What is wrong with the first of the pictures that could not be read. */
export function pictureErrors(errors: readonly FailedPicture[]): { errors?: readonly FailedPicture[] } {
  return errors.length === 0 ? {} : { errors };
}
