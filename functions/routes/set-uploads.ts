import { ByteReader } from '@softmargin/shared/sets/byte-reader.ts';
import { MAX_DIMENSION, toLabels } from '@softmargin/shared/sets/embedding-set.ts';
import { formBoundary } from '@softmargin/shared/sets/form-stream.ts';
import type { Context, Hono } from 'hono';
import * as z from 'zod';
import { parseJson, readBody, readJson, withBody } from '../body.ts';
import type { AppTypes } from '../environment.ts';
import { ApiError, parseRequest } from '../errors.ts';
import {
  MAX_BODY_FEATURES_BYTES,
  MAX_COMPLETION_BYTES,
  MAX_FEATURES_BYTES,
  MAX_PARTS,
  MAX_SET_BODY_BYTES,
  MAX_SET_ROWS,
  MAX_UPLOAD_REQUEST_BYTES,
} from '../limits.ts';
import { rowsPerBlockOf } from '../sets/block-writer.ts';
import { FORMAT_BYTES, formatOf } from '../sets/body-format.ts';
import { type Completion, completeUpload } from '../sets/complete-upload.ts';
import { HeldStore } from '../sets/holds.ts';
import { type GivenLabels, readSetBody } from '../sets/set-body.ts';
import { storePart } from '../sets/upload-part.ts';
import {
  abortUpload,
  beginUpload,
  DTYPES,
  findUpload,
  listParts,
  type Upload,
  type UploadPart,
} from '../sets/uploads.ts';
import { addRoute, needs } from './route.ts';
import { partQuerySchema, readingOf, refusingSets, setNameSchema, setObject } from './sets.ts';

export const uploadRequestSchema = z.strictObject({
  count: z.int().min(1).max(MAX_SET_ROWS),
  dimension: z.int().min(1).max(MAX_DIMENSION),
  dtype: z.enum(Object.keys(DTYPES) as [keyof typeof DTYPES]).optional(),
});

const setPathSchema = z.object({ set: setNameSchema });
const uploadPathSchema = setPathSchema.extend({ upload: z.uuid() });
const partPathSchema = uploadPathSchema.extend({ part: z.coerce.number().int().min(1).max(MAX_PARTS) });

const digestSchema = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits in lower case');
export const hashQuerySchema = z.strictObject({ sha256: digestSchema.optional() });
export const completionSchema = z.strictObject({
  sha256: digestSchema.optional(),
  identities: z.array(z.number()).optional(),
  cameras: z.array(z.number()).optional(),
  groups: z.array(z.number()).optional(),
});

/** `/v1/sets/{set}/uploads`: sets that are larger than one request, in parts. */
export function addSetUploadRoutes(app: Hono<AppTypes>): void {
  addRoute(app, '/v1/sets/:set/uploads', {
    POST: needs('evaluate', async (context) => {
      const { set } = parseRequest(setPathSchema, context.req.param());
      const { count, dimension, dtype } = parseRequest(
        uploadRequestSchema,
        await readJson(context.req.raw, MAX_UPLOAD_REQUEST_BYTES),
      );
      checkSize(count, dimension);
      const upload = await beginUpload(context.var.bindings, set, { count, dimension, dtype });
      return context.json(uploadObject(upload, []), 201, {
        Location: `/v1/sets/${set}/uploads/${upload.id}`,
      });
    }),
  });

  addRoute(app, '/v1/sets/:set/uploads/:upload', {
    GET: needs('evaluate', async (context) => {
      const upload = await uploadOf(context);
      return context.json(uploadObject(upload, await listParts(context.var.bindings, upload.id)));
    }),
    DELETE: needs('evaluate', async (context) => {
      const { id } = await uploadOf(context);
      await abortUpload(context.var.bindings, id);
      return context.json({ id, object: 'upload', deleted: true });
    }),
  });

  addRoute(app, '/v1/sets/:set/uploads/:upload/parts/:part', {
    PUT: needs('evaluate', async (context) => {
      const { stored, created } = await withBody(
        context.req.raw,
        MAX_SET_BODY_BYTES,
        'A part of a set',
        async (body) => {
          const { part } = parseRequest(partPathSchema, context.req.param());
          const upload = await uploadOf(context);
          return refusingSets(() => {
            const { side, boundary } = readingOf(context, partQuerySchema);
            return storePart(context.var.bindings, upload, part, new ByteReader(body), { side, boundary });
          });
        },
      );
      return context.json(partObject(stored), created ? 201 : 200);
    }),
  });

  addRoute(app, '/v1/sets/:set/uploads/:upload/complete', {
    POST: needs('evaluate', async (context) => {
      const upload = await uploadOf(context);
      const { description, created } = await refusingSets(async () =>
        completeUpload(context.var.bindings, upload, await readCompletion(context, upload.id)),
      );
      return context.json(setObject(description), created ? 201 : 200, {
        Location: `/v1/sets/${upload.set}`,
      });
    }),
  });
}

function uploadOf(context: Context<AppTypes>): Promise<Upload> {
  const { set, upload } = parseRequest(uploadPathSchema, context.req.param());
  return findUpload(context.var.bindings, set, upload);
}

function checkSize(count: number, dimension: number): void {
  const bytes = 4 * count * dimension;
  if (bytes <= MAX_FEATURES_BYTES) return;
  throw new ApiError(400, {
    message: `count: features of ${count} × ${dimension} are ${bytes} bytes as float32; up to ${MAX_FEATURES_BYTES} are stored.`,
    param: 'count',
    code: 'set_too_large',
  });
}

/** The body of a completion: nothing, JSON, or labels in any other form, with the hash in the query. */
async function readCompletion(context: Context<AppTypes>, holder: string): Promise<Completion> {
  const { sha256 } = parseRequest(hashQuerySchema, context.req.query());
  const bytes = await readBody(context.req.raw, MAX_COMPLETION_BYTES, 'What completes an upload');
  if (bytes.length === 0) return { sha256, labels: {} };
  const boundary = formBoundary(context.req.header('Content-Type') ?? '');
  const format = formatOf(bytes.subarray(0, FORMAT_BYTES));
  if (boundary !== undefined || (format !== undefined && format !== 'json')) {
    const reader = new ByteReader(onlyChunk(bytes));
    const accept = () => {
      throw new ApiError(400, {
        message: 'features: features come in parts, not at completion.',
        param: 'features',
        code: 'invalid_set',
      });
    };
    const store = new HeldStore(context.var.bindings, holder);
    return { sha256, labels: (await readSetBody(reader, store, { accept, boundary })).labels };
  }
  const completion = parseRequest(completionSchema, parseJson(bytes));
  const labels: GivenLabels = Object.fromEntries(
    (['identities', 'cameras', 'groups'] as const).flatMap((param) => {
      const given = completion[param];
      return given === undefined ? [] : [[param, toLabels(param, given)]];
    }),
  );
  return { sha256: completion.sha256 ?? sha256, labels };
}

async function* onlyChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

function uploadObject(upload: Upload, parts: readonly UploadPart[]) {
  const { id, set, count, dimension, dtype, createdAt, expiresAt } = upload;
  return {
    id,
    object: 'upload',
    set,
    count,
    dimension,
    dtype: dtype ?? null,
    /** Parts are numbered from 1. All but the last have a multiple of these rows. */
    partRule: {
      rowsMultipleOf: rowsPerBlockOf(dimension),
      maxBytes: MAX_SET_BODY_BYTES,
      maxRows: Math.floor(MAX_BODY_FEATURES_BYTES / (4 * dimension)),
      maxParts: MAX_PARTS,
    },
    parts: parts.map(partObject),
    rows: parts.reduce((sum, { rows }) => sum + rows, 0),
    createdAt,
    expiresAt: new Date(expiresAt).toISOString(),
  };
}

function partObject({ part, rows, sha256, labels }: UploadPart) {
  return { part, object: 'upload.part', rows, sha256, labels: labels !== null };
}
