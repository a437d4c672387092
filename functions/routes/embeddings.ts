import { modelNameSchema } from '@softmargin/shared/bundle/manifest.ts';
import type { Context, Hono } from 'hono';
import * as z from 'zod';
import { mediaType, readBody, readJson } from '../body.ts';
import type { AppTypes } from '../environment.ts';
import { ApiError, parseRequest } from '../errors.ts';
import { encodeEmbedding, parsePictureText } from '../inference/base64.ts';
import { DEFAULT_MODEL } from '../inference/builtin.ts';
import { PictureError } from '../inference/decode.ts';
import { type Embeddings, embedPictures, type PictureFile } from '../inference/embed.ts';
import { useModel } from '../inference/models.ts';
import { MAX_BATCH, MAX_EMBEDDINGS_BODY_BYTES, MAX_PICTURE_BYTES } from '../limits.ts';
import { addRoute } from './route.ts';

const PICTURE_FORM = 'must be a picture: a data URI, base64, or an object {"image": …} with one of these';

const pictureSchema = z.union([z.string(), z.object({ image: z.string() })], { error: PICTURE_FORM });

/** OpenAI's request. Fields it does not name are ignored, as OpenAI does. */
const requestSchema = z.object({
  model: modelNameSchema.default(DEFAULT_MODEL),
  input: z.unknown().transform((value, context) => {
    const list = Array.isArray(value) ? value : [value];
    if (list.length === 0 || list.length > MAX_BATCH) {
      context.addIssue(`has ${list.length} pictures; 1 to ${MAX_BATCH} are embedded in one request`);
      return [];
    }
    return list.map((item, i) => {
      const picture = pictureSchema.safeParse(item);
      if (!picture.success) {
        context.addIssue({ code: 'custom', path: Array.isArray(value) ? [i] : [], message: PICTURE_FORM });
        return '';
      }
      return typeof picture.data === 'string' ? picture.data : picture.data.image;
    });
  }),
  encoding_format: z.enum(['float', 'base64']).default('float'),
  dimensions: z.int().positive().optional(),
  user: z.string().optional(),
});

const querySchema = z.object({
  model: modelNameSchema.default(DEFAULT_MODEL),
  encoding_format: z.enum(['float', 'base64']).default('float'),
});

interface EmbeddingsRequest {
  readonly model: string;
  readonly encoding: 'float' | 'base64';
  readonly files: readonly PictureFile[];
  readonly dimensions?: number | undefined;
}

/** `POST /v1/embeddings`: pictures in, embeddings out, in OpenAI's form. */
export function addEmbeddingRoutes(app: Hono<AppTypes>): void {
  addRoute(app, '/v1/embeddings', {
    POST: async (context) => {
      const request = await readRequest(context);
      const embeddings = await useModel(context.env, request.model, (model) => {
        const { dimension } = model.manifest.embedding;
        if (request.dimensions !== undefined && request.dimensions !== dimension) {
          throw new ApiError(400, {
            message: `dimensions: "${request.model}" gives ${dimension} dimensions, not ${request.dimensions}.`,
            param: 'dimensions',
            code: 'invalid_value',
          });
        }
        return embedPictures(model, request.files);
      });
      return respond(context, request, embeddings);
    },
  });
}

async function readRequest(context: Context<AppTypes>): Promise<EmbeddingsRequest> {
  const type = mediaType(context.req.raw);
  if (type.startsWith('image/')) {
    const { model, encoding_format } = parseRequest(querySchema, context.req.query());
    const bytes = await readBody(context.req.raw, MAX_PICTURE_BYTES, 'A picture');
    return { model, encoding: encoding_format, files: [bytes] };
  }
  if (type !== 'application/json') {
    throw new ApiError(415, {
      message: `The Content-Type is ${type === '' ? 'missing' : `"${type}"`}; application/json, image/png and image/jpeg are read.`,
      code: 'unsupported_media_type',
    });
  }
  const body = parseRequest(requestSchema, await readJson(context.req.raw, MAX_EMBEDDINGS_BODY_BYTES));
  const files = body.input.map(parsePictureText);
  return { model: body.model, encoding: body.encoding_format, files, dimensions: body.dimensions };
}

function respond(
  context: Context<AppTypes>,
  { model, encoding, files }: EmbeddingsRequest,
  { results, decodeTime, embedTime }: Embeddings,
): Response {
  const data: object[] = [];
  const errors: object[] = [];
  for (const [index, result] of results.entries()) {
    if (result instanceof PictureError) {
      const param = files.length === 1 ? 'input' : `input[${index}]`;
      const { message, code } = result;
      errors.push({ index, message, type: 'invalid_request_error', param, code });
    } else {
      const embedding = encoding === 'base64' ? encodeEmbedding(result) : Array.from(result);
      data.push({ object: 'embedding', index, embedding });
    }
  }

  if (data.length === 0) {
    const [{ index: _, ...first }] = errors as [{ index: number; message: string }];
    if (errors.length === 1) return context.json({ error: first }, 400);
    const message = `None of the ${errors.length} pictures could be embedded. The first: ${first.message}`;
    return context.json({ error: { ...first, message }, errors }, 400);
  }
  context.header('Server-Timing', `decode;dur=${decodeTime.toFixed(1)}, embed;dur=${embedTime.toFixed(1)}`);
  return context.json({
    object: 'list',
    model,
    data,
    usage: { prompt_tokens: 0, total_tokens: 0 },
    ...(errors.length > 0 && { errors }),
  });
}
