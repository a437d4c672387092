import { blockOf } from '@softmargin/shared/metrics/blocks.ts';
import { distanceNames } from '@softmargin/shared/metrics/distance.ts';
import { nearestItems } from '@softmargin/shared/metrics/nearest-items.ts';
import { MAX_DIMENSION } from '@softmargin/shared/sets/embedding-set.ts';
import type { Hono } from 'hono';
import * as z from 'zod';
import { readJson } from '../body.ts';
import { type AppTypes, parseVariables } from '../environment.ts';
import { ApiError, parseRequest } from '../errors.ts';
import { rankingKernel } from '../evaluation/kernel.ts';
import { startBackend } from '../inference/backend.ts';
import { PictureError } from '../inference/decode.ts';
import { embedPictures } from '../inference/embed.ts';
import type { Held } from '../inference/memory-budget.ts';
import { modelReferenceSchema } from '../inference/model-reference.ts';
import { useModel } from '../inference/models.ts';
import { inputBytes } from '../inference/serving-memory.ts';
import {
  BLOCK_BYTES,
  JSON_COPIES,
  MAX_EMBEDDINGS_BODY_BYTES,
  MAX_SEARCH_QUERIES,
  MAX_SEARCH_RESULTS,
  MAX_SEARCH_WORK,
  MAX_SEARCHED_BYTES,
} from '../limits.ts';
import type { OwnedBindings } from '../owners.ts';
import { findSet, type StoredSet } from '../sets/catalogue.ts';
import { SetContent } from '../sets/content.ts';
import { pictureProblem } from './embeddings.ts';
import { picturesSchema, readPictures } from './embeddings-request.ts';
import { addRoute, needs } from './route.ts';
import { setNameSchema, setNotFound } from './sets.ts';

const pathSchema = z.object({ set: setNameSchema });

export const searchSchema = z
  .strictObject({
    /** Pictures, as `/v1/embeddings` takes them, and the model that embeds them; or embeddings. */
    input: picturesSchema.optional(),
    model: modelReferenceSchema.optional(),
    flip: z.boolean().optional(),
    embeddings: z
      .array(z.array(z.number()).min(1).max(MAX_DIMENSION))
      .min(1)
      .max(MAX_SEARCH_QUERIES)
      .optional(),
    k: z.int().min(1).max(MAX_SEARCH_RESULTS).default(10),
    distance: z.enum(distanceNames).default('cosine'),
  })
  .refine(({ input, embeddings }) => (input === undefined) !== (embeddings === undefined), {
    error: 'takes either input (pictures) or embeddings',
  });

type SearchRequest = z.infer<typeof searchSchema>;

/** `POST /v1/sets/{set}/search`: the nearest items of a stored set, exactly. */
export function addSearchRoute(app: Hono<AppTypes>): void {
  addRoute(app, '/v1/sets/:set/search', {
    POST: needs('evaluate', async (context) => {
      const { bindings: env } = context.var;
      const { set: name } = parseRequest(pathSchema, context.req.param());
      const { memory } = await startBackend();
      return memory.holding(async (held) => {
        const reading = { hold: (bytes: number) => held.add(JSON_COPIES * bytes) };
        const body = await readJson(context.req.raw, MAX_EMBEDDINGS_BODY_BYTES, reading);
        const request = parseRequest(searchSchema, body);
        const set = await findSet(env, name);
        if (set === null) throw setNotFound(name, 'set');
        const queries = await readQueries(env, request, held);
        const rows = queries.filter((query) => query instanceof Float32Array);
        checkSearch(set, rows, request);
        held.add(3 * BLOCK_BYTES + 4 * (rows.length * set.dimension + 3 * set.count));
        const results = rows.length === 0 ? [] : await search(env, set, rows, request);
        return context.json({
          object: 'search',
          set: name,
          sha256: set.sha256,
          distance: request.distance,
          ...answer(queries, results),
        });
      });
    }),
  });
}

/** The embedding of each query, or what is wrong with its picture. */
async function readQueries(
  env: OwnedBindings,
  { input, model: name, flip, embeddings }: SearchRequest,
  held: Held,
): Promise<readonly (Float32Array | PictureError)[]> {
  if (embeddings !== undefined) return embeddings.map((values) => Float32Array.from(values));
  const files = await readPictures(input ?? [], held, parseVariables(env).PICTURE_ORIGINS);
  return useModel(env, name, async (model) => {
    held.add(inputBytes(model.manifest));
    return (await embedPictures(model, files, flip, held.decoding)).results;
  });
}

/** @throws {ApiError} 400 where the queries do not fit the set, or the set is too large to be searched here. */
function checkSearch(
  set: StoredSet,
  rows: readonly Float32Array[],
  { embeddings, model }: SearchRequest,
): void {
  for (const [i, row] of rows.entries()) {
    const param = embeddings === undefined ? 'model' : `embeddings[${i}]`;
    if (row.length !== set.dimension) {
      const what =
        embeddings === undefined
          ? `${model === undefined ? 'the default model' : `"${model.name}"`} gives`
          : 'it has';
      throw new ApiError(400, {
        message: `${param}: ${what} ${row.length} dimensions; the set "${set.name}" has ${set.dimension}.`,
        param,
        code: 'dimension_mismatch',
      });
    }
    if (!row.every(Number.isFinite)) {
      throw new ApiError(400, {
        message: `${param}: has a number that float32 does not hold.`,
        param,
        code: 'invalid_value',
      });
    }
  }
  const bytes = 4 * set.count * set.dimension;
  const work = rows.length * set.count * set.dimension;
  if (bytes > MAX_SEARCHED_BYTES || work > MAX_SEARCH_WORK) {
    throw new ApiError(400, {
      message:
        `The set "${set.name}" is ${set.count} × ${set.dimension}, ${bytes} bytes; up to ${MAX_SEARCHED_BYTES} bytes, ` +
        `and up to ${MAX_SEARCH_WORK} multiply-adds for all queries, are searched in one request. An evaluation ranks larger ones.`,
      param: 'set',
      code: 'search_too_large',
    });
  }
}

interface Result {
  readonly index: number;
  readonly identity: number;
  readonly camera: number;
  readonly group?: number;
  readonly distance: number;
}

async function search(
  env: OwnedBindings,
  set: StoredSet,
  rows: readonly Float32Array[],
  { distance, k }: SearchRequest,
): Promise<Result[][]> {
  const features = new Float32Array(rows.length * set.dimension);
  for (const [i, row] of rows.entries()) features.set(row, i * set.dimension);
  const queries = blockOf({ dimension: set.dimension, features }, 0, rows.length);
  try {
    const content = await SetContent.open(env.STORE, set.sha256);
    const labels = await content.labels();
    const { count, items, distances } = await nearestItems(
      rankingKernel,
      distance,
      queries,
      content.gallery(labels),
      k,
    );
    return rows.map((_, q) =>
      Array.from(items.subarray(q * count, (q + 1) * count), (index, i) => ({
        index,
        identity: labels.identities[index],
        camera: labels.cameras[index],
        ...(labels.groups !== undefined && { group: labels.groups[index] }),
        distance: distances[q * count + i],
      })),
    );
  } catch (error) {
    if (error instanceof RangeError) {
      throw new ApiError(400, { message: error.message, param: 'embeddings', code: 'invalid_value' });
    }
    const now = await findSet(env, set.name);
    if (now?.sha256 === set.sha256) throw error;
    throw new ApiError(409, {
      message: `The set "${set.name}" was replaced or deleted while it was searched; search again.`,
      param: 'set',
      code: 'set_changed',
    });
  }
}

function answer(queries: readonly (Float32Array | PictureError)[], results: readonly Result[][]) {
  const data: object[] = [];
  const errors: object[] = [];
  for (const [index, query] of queries.entries()) {
    if (query instanceof PictureError) errors.push(pictureProblem(query, 'input', index, queries.length));
    else data.push({ object: 'search.result', index, results: results[data.length] });
  }
  return { data, ...(errors.length > 0 && { errors }) };
}
