import type { Context, Hono } from 'hono';
import * as z from 'zod';
import type { AppTypes } from '../environment.ts';
import { ApiError, parseRequest } from '../errors.ts';
import { checkPicture, PictureError } from '../inference/decode.ts';
import { MAX_ITEMS_PAGE, MAX_SET_ROWS } from '../limits.ts';
import { findSet, type StoredSet } from '../sets/catalogue.ts';
import { SetContent } from '../sets/content.ts';
import { PictureContent } from '../sets/picture-content.ts';
import { addRoute, needs } from './route.ts';
import { setNameSchema, setNotFound } from './sets.ts';

const pathSchema = z.object({ set: setNameSchema });

const indexSchema = z.coerce.number().int().min(0).max(MAX_SET_ROWS);

const picturePathSchema = pathSchema.extend({ index: indexSchema });

export const itemsPageSchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(MAX_ITEMS_PAGE).default(MAX_ITEMS_PAGE),
  /** The index of the last item of the page before. */
  after: indexSchema.optional(),
});

/** What a set holds: its items with their labels, and the pictures of a set of pictures. */
export function addSetItemRoutes(app: Hono<AppTypes>): void {
  addRoute(app, '/v1/sets/:set/items', { GET: needs('evaluate', list) });
  addRoute(app, '/v1/sets/:set/pictures/:index', { GET: needs('evaluate', picture) });
}

async function list(context: Context<AppTypes>): Promise<Response> {
  const { limit, after } = parseRequest(itemsPageSchema, context.req.query());
  const set = await setOf(context);
  const { STORE } = context.var.bindings;
  const first = after === undefined ? 0 : after + 1;
  const last = Math.min(first + limit, set.count);
  const content = await reading(
    context,
    set,
    async (): Promise<SetContent | PictureContent> =>
      set.kind === 'pictures' ? PictureContent.open(STORE, set.sha256) : SetContent.open(STORE, set.sha256),
  );
  const { identities, cameras, groups } = await reading(context, set, () => content.labels());
  const entries =
    content instanceof PictureContent
      ? await reading(context, set, () => content.entries(first, last))
      : undefined;
  const data: object[] = [];
  for (let index = first; index < last; index++) {
    const entry = entries?.[index - first];
    data.push({
      ...{ index, identity: identities[index], camera: cameras[index] },
      ...(groups !== undefined && { group: groups[index] }),
      ...(entry !== undefined && { path: entry.path }),
      ...(entry?.problem !== undefined && {
        problem: { message: entry.problem.message, code: entry.problem.code },
      }),
    });
  }
  return context.json({ object: 'list', set: set.name, sha256: set.sha256, data, hasMore: last < set.count });
}

/** A picture as it was sent. It is another's file: whatever is in it, a browser that opens it runs nothing. */
async function picture(context: Context<AppTypes>): Promise<Response> {
  const { index } = parseRequest(picturePathSchema, context.req.param());
  const set = await setOf(context);
  if (set.kind !== 'pictures') {
    throw pictureNotFound(`The set "${set.name}" is of embeddings; it has no pictures.`);
  }
  if (index >= set.count) {
    throw pictureNotFound(`index: the set "${set.name}" has ${set.count} pictures; ${index} is asked for.`);
  }
  const file = await reading(context, set, async () => {
    const content = await PictureContent.open(context.var.bindings.STORE, set.sha256);
    const [file] = await content.files(await content.entries(index, index + 1));
    return file;
  });
  if (file instanceof PictureError) {
    throw pictureNotFound(`Picture ${index} of the set "${set.name}" could not be read: ${file.message}`);
  }
  // Checked when it was stored, so it has a format.
  const { format } = checkPicture(file);
  return new Response(file as Uint8Array<ArrayBuffer>, {
    headers: {
      'Content-Type': `image/${format.toLowerCase()}`,
      'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
    },
  });
}

async function setOf(context: Context<AppTypes>): Promise<StoredSet> {
  const { set: name } = parseRequest(pathSchema, context.req.param());
  const set = await findSet(context.var.bindings, name);
  if (set === null) throw setNotFound(name, 'set');
  return set;
}

/** Reads of a set's content. @throws {ApiError} 409 where the set was replaced or deleted meanwhile. */
async function reading<T>(context: Context<AppTypes>, set: StoredSet, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const now = await findSet(context.var.bindings, set.name);
    if (now?.sha256 === set.sha256) throw error;
    throw new ApiError(409, {
      message: `The set "${set.name}" was replaced or deleted while it was read; ask again.`,
      param: 'set',
      code: 'set_changed',
    });
  }
}

function pictureNotFound(message: string): ApiError {
  return new ApiError(404, { message, param: 'index', code: 'picture_not_found' });
}
