import { ByteReader } from '@softmargin/shared/sets/byte-reader.ts';
import { MAX_DIMENSION, SetError, toLabels } from '@softmargin/shared/sets/embedding-set.ts';
import { formBoundary } from '@softmargin/shared/sets/form-stream.ts';
import { liftLabels } from '@softmargin/shared/sets/lift-labels.ts';
import { pictureNamings } from '@softmargin/shared/sets/picture-names.ts';
import type { Context, Hono } from 'hono';
import * as z from 'zod';
import { parseJson, readBody, readJson, withBody } from '../body.ts';
import type { AppTypes } from '../environment.ts';
import { ApiError, parseRequest } from '../errors.ts';
import {
  MAX_BODY_FEATURES_BYTES,
  MAX_BODY_PICTURES,
  MAX_COMPLETION_BYTES,
  MAX_FEATURES_BYTES,
  MAX_PARTS,
  MAX_PICTURE_PARTS,
  MAX_SET_BODY_BYTES,
  MAX_SET_PICTURE_BYTES,
  MAX_SET_PICTURES,
  MAX_SET_ROWS,
  MAX_UPLOAD_REQUEST_BYTES,
} from '../limits.ts';
import { rowsPerBlockOf } from '../sets/block-writer.ts';
import { FORMAT_BYTES, formatOf } from '../sets/body-format.ts';
import { type Completion, completeUpload } from '../sets/complete-upload.ts';
import { HeldStore } from '../sets/holds.ts';
import {
  CompletionTable,
  completePictureUpload,
  type PicturePart,
  storePicturePart,
} from '../sets/picture-parts.ts';
import { type GivenLabels, readSetBody } from '../sets/set-body.ts';
import { storePart } from '../sets/upload-part.ts';
import {
  abortUpload,
  beginUpload,
  DTYPES,
  type EmbeddingsUpload,
  findUpload,
  listParts,
  type PicturesUpload,
  type Upload,
  type UploadPart,
} from '../sets/uploads.ts';
import { addRoute, needs } from './route.ts';
import { partQuerySchema, pictureErrors, readingOf, refusingSets, setNameSchema, setObject } from './sets.ts';

export const embeddingsUploadSchema = z.strictObject({
  kind: z.literal('embeddings').default('embeddings'),
  count: z.int().min(1).max(MAX_SET_ROWS),
  dimension: z.int().min(1).max(MAX_DIMENSION),
  dtype: z.enum(Object.keys(DTYPES) as [keyof typeof DTYPES]).optional(),
});

export const picturesUploadSchema = z.strictObject({
  kind: z.literal('pictures'),
  /** Broken ones included: they keep their place. */
  count: z.int().min(1).max(MAX_SET_PICTURES),
  names: z.enum(pictureNamings).optional(),
});

/** Says which of the two a request is, so that its errors are those of that one. */
const kindSchema = z.looseObject({ kind: z.enum(['embeddings', 'pictures']).default('embeddings') });

const setPathSchema = z.object({ set: setNameSchema });
const uploadPathSchema = setPathSchema.extend({ upload: z.uuid() });
const partPathSchema = uploadPathSchema.extend({ part: z.coerce.number().int().min(1).max(MAX_PARTS) });

const digestSchema = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits in lower case');
export const hashQuerySchema = z.strictObject({ sha256: digestSchema.optional() });
const LABEL_FIELDS = ['identities', 'cameras', 'groups'] as const;

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
      const request = readUploadRequest(await readJson(context.req.raw, MAX_UPLOAD_REQUEST_BYTES));
      const upload = await beginUpload(context.var.bindings, set, request);
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
            const reader = new ByteReader(body);
            if (upload.kind === 'embeddings') {
              return storePart(context.var.bindings, upload, part, reader, { side, boundary });
            }
            checkPicturePart(part);
            return storePicturePart(context.var.bindings, upload, part, reader, { boundary });
          });
        },
      );
      return context.json(answerOf(stored), created ? 201 : 200);
    }),
  });

  addRoute(app, '/v1/sets/:set/uploads/:upload/complete', {
    POST: needs('evaluate', async (context) => {
      const upload = await uploadOf(context);
      const { description, created, errors } = await refusingSets(() => complete(context, upload));
      return context.json({ ...setObject(description), ...pictureErrors(errors) }, created ? 201 : 200, {
        Location: `/v1/sets/${upload.set}`,
      });
    }),
  });
}

function uploadOf(context: Context<AppTypes>): Promise<Upload> {
  const { set, upload } = parseRequest(uploadPathSchema, context.req.param());
  return findUpload(context.var.bindings, set, upload);
}

function readUploadRequest(request: unknown) {
  const { kind } = parseRequest(kindSchema, request);
  if (kind === 'pictures') {
    const { count, names } = parseRequest(picturesUploadSchema, request);
    return { kind, count, names };
  }
  const { count, dimension, dtype } = parseRequest(embeddingsUploadSchema, request);
  checkSize(count, dimension);
  return { kind, count, dimension, dtype };
}

function checkPicturePart(part: number): void {
  if (part <= MAX_PICTURE_PARTS) return;
  throw new ApiError(400, {
    message: `part: ${part}; a set of pictures has up to ${MAX_PICTURE_PARTS} parts.`,
    param: 'part',
    code: 'invalid_value',
  });
}

async function complete(context: Context<AppTypes>, upload: Upload) {
  const { bindings } = context.var;
  try {
    if (upload.kind === 'pictures') {
      return await completePictureUpload(bindings, upload, await readPictureCompletion(context, upload.id));
    }
    const done = await completeUpload(bindings, upload, await readCompletion(context, upload.id));
    return { ...done, errors: [] };
  } catch (error) {
    // Where it was ended meanwhile, what it held may be gone already.
    if (!(error instanceof ApiError || error instanceof SetError)) await uploadOf(context);
    throw error;
  }
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
  const { sha256, bytes, isFile, boundary } = await completionBody(context);
  if (bytes.length === 0) return { sha256, labels: {} };
  if (isFile) {
    const store = new HeldStore(context.var.bindings, holder);
    const reader = new ByteReader(onlyChunk(bytes));
    return {
      sha256,
      labels: (await readSetBody(reader, store, { accept: refuseFeatures, boundary })).labels,
    };
  }
  const lifted = liftLabels(bytes, LABEL_FIELDS);
  const completion = parseRequest(completionSchema, parseJson(lifted.rest));
  const labels: GivenLabels = Object.fromEntries(
    LABEL_FIELDS.flatMap((param) => {
      const given = completion[param];
      return given === undefined ? [] : [[param, lifted.labels[param] ?? toLabels(param, given)]];
    }),
  );
  return { sha256: completion.sha256 ?? sha256, labels };
}

/** The same of pictures: nothing, JSON with the hash alone, or a table with paths. */
async function readPictureCompletion(context: Context<AppTypes>, holder: string) {
  const { sha256, bytes, isFile, boundary } = await completionBody(context);
  if (bytes.length === 0) return { sha256, table: undefined };
  if (!isFile) {
    const completion = parseRequest(hashQuerySchema, parseJson(bytes));
    return { sha256: completion.sha256 ?? sha256, table: undefined };
  }
  const pictures = new CompletionTable();
  const store = new HeldStore(context.var.bindings, holder);
  const reader = new ByteReader(onlyChunk(bytes));
  const { labels } = await readSetBody(reader, store, { accept: refuseFeatures, boundary, pictures });
  if (pictures.table === undefined || Object.keys(labels).length > 0) {
    throw new SetError(
      'labels',
      'labels: those of pictures come as CSV with the columns path, identity and camera.',
    );
  }
  return { sha256, table: pictures.table };
}

async function completionBody(context: Context<AppTypes>) {
  const { sha256 } = parseRequest(hashQuerySchema, context.req.query());
  const bytes = await readBody(context.req.raw, MAX_COMPLETION_BYTES, 'What completes an upload');
  const boundary = formBoundary(context.req.header('Content-Type') ?? '');
  const format = formatOf(bytes.subarray(0, FORMAT_BYTES));
  const isFile = boundary !== undefined || (format !== undefined && format !== 'json');
  return { sha256, bytes, isFile, boundary };
}

function refuseFeatures(): never {
  throw new SetError('features', 'features: features come in parts, not at completion.');
}

async function* onlyChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

function uploadObject(upload: Upload, parts: readonly UploadPart[]) {
  const { id, set, kind, count, createdAt, expiresAt } = upload;
  const rows = parts.reduce((sum, part) => sum + part.rows, 0);
  return {
    ...{ id, object: 'upload', set, kind, count },
    ...(upload.kind === 'pictures' ? picturesFields(upload) : embeddingsFields(upload)),
    parts: parts.map((part) => (kind === 'pictures' ? picturePartObject(part) : partObject(part))),
    ...(kind === 'pictures' ? { pictures: rows } : { rows }),
    createdAt,
    expiresAt: new Date(expiresAt).toISOString(),
  };
}

function embeddingsFields({ dimension, dtype }: EmbeddingsUpload) {
  return {
    dimension,
    dtype: dtype ?? null,
    /** Parts are numbered from 1. All but the last have a multiple of these rows. */
    partRule: {
      rowsMultipleOf: rowsPerBlockOf(dimension),
      maxBytes: MAX_SET_BODY_BYTES,
      maxRows: Math.floor(MAX_BODY_FEATURES_BYTES / (4 * dimension)),
      maxParts: MAX_PARTS,
    },
  };
}

function picturesFields({ names }: PicturesUpload) {
  return {
    names: names ?? null,
    partRule: {
      maxBytes: MAX_SET_BODY_BYTES,
      maxPictures: MAX_BODY_PICTURES,
      maxParts: MAX_PICTURE_PARTS,
      maxSetBytes: MAX_SET_PICTURE_BYTES,
    },
  };
}

function answerOf(part: UploadPart | PicturePart) {
  return 'errors' in part ? { ...picturePartObject(part), ...pictureErrors(part.errors) } : partObject(part);
}

function partObject({ part, rows, sha256, labels }: UploadPart) {
  return { part, object: 'upload.part', rows, sha256, labels: labels !== null };
}

function picturePartObject({ part, rows, bytes, sha256, labels }: UploadPart) {
  return { part, object: 'upload.part', pictures: rows, bytes, sha256, labels: labels !== null };
}
