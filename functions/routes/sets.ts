import { type EmbeddingSet, SetError } from '@softmargin/shared/sets/embedding-set.ts';
import { parseJsonSet } from '@softmargin/shared/sets/json.ts';
import { parseNpz } from '@softmargin/shared/sets/npz.ts';
import type { Hono } from 'hono';
import { z } from 'zod';
import { parseJson, readBody } from '../body.ts';
import type { AppTypes } from '../environment.ts';
import { ApiError, parseRequest } from '../errors.ts';
import {
  MAX_FEATURES_BYTES,
  MAX_JSON_SET_BYTES,
  MAX_NPZ_BYTES,
  MAX_NPZ_UNPACKED_BYTES,
  MAX_SET_ROWS,
} from '../limits.ts';
import { findSet, listSets, type SetDescription, storeSet } from '../sets/catalogue.ts';
import { addRoute } from './route.ts';

/** Names of sets, in paths and in requests. */
export const setNameSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
    'must be 1 to 64 letters, digits, dots, underscores and hyphens, and start with a letter or digit',
  );

const pathSchema = z.object({ set: setNameSchema });

/** `/v1/sets`: query and gallery sets, as `.npz` or JSON. */
export function addSetRoutes(app: Hono<AppTypes>): void {
  addRoute(app, '/v1/sets', {
    GET: async (context) => {
      const sets = await listSets(context.env);
      return context.json({ object: 'list', data: sets.map(setObject) });
    },
  });

  addRoute(app, '/v1/sets/:set', {
    GET: async (context) => {
      const { set: name } = parseRequest(pathSchema, context.req.param());
      const description = await findSet(context.env, name);
      if (description === null) throw setNotFound(name, 'set');
      return context.json(setObject(description));
    },
    PUT: async (context) => {
      const { set: name } = parseRequest(pathSchema, context.req.param());
      const set = parseSet(await readBody(context.req.raw, MAX_NPZ_BYTES, 'A set'));
      const { description, created } = await storeSet(context.env, name, set);
      return context.json(setObject(description), created ? 201 : 200, { Location: `/v1/sets/${name}` });
    },
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

function parseSet(bytes: Uint8Array): EmbeddingSet {
  try {
    const set = isZip(bytes) ? parseNpz(bytes, MAX_NPZ_UNPACKED_BYTES) : parseJsonSet(parseJsonText(bytes));
    if (set.count > MAX_SET_ROWS) {
      throw new SetError('features', `features has ${set.count} rows; up to ${MAX_SET_ROWS} are stored.`);
    }
    if (set.features.byteLength > MAX_FEATURES_BYTES) {
      throw new SetError(
        'features',
        `features of ${set.count} × ${set.dimension} are ${set.features.byteLength} bytes as float32; up to ${MAX_FEATURES_BYTES} are stored.`,
      );
    }
    return set;
  } catch (error) {
    if (!(error instanceof SetError)) throw error;
    throw new ApiError(400, { message: error.message, param: error.param, code: 'invalid_set' });
  }
}

function parseJsonText(bytes: Uint8Array): unknown {
  const first = bytes.find((byte) => byte > 0x20);
  if (first !== undefined && first !== '{'.charCodeAt(0)) {
    throw new SetError(
      'body',
      'The body is neither an .npz archive (it does not begin with PK) nor a JSON object.',
    );
  }
  if (bytes.length > MAX_JSON_SET_BYTES) {
    throw new ApiError(413, {
      message: `A set as JSON may have up to ${MAX_JSON_SET_BYTES} bytes, this one has ${bytes.length}. Send it as .npz, which may have ${MAX_NPZ_BYTES} bytes.`,
      code: 'body_too_large',
    });
  }
  return parseJson(bytes);
}

function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 'P'.charCodeAt(0) && bytes[1] === 'K'.charCodeAt(0);
}

function setObject({ name, sha256, count, dimension, createdAt }: SetDescription) {
  return { id: name, object: 'set', sha256, count, dimension, createdAt };
}
