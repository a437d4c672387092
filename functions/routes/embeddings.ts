import type { Manifest } from '@softmargin/shared/bundle/manifest.ts';
import type { Context, Hono } from 'hono';
import { type AppTypes, parseVariables } from '../environment.ts';
import { ApiError } from '../errors.ts';
import { startBackend } from '../inference/backend.ts';
import { encodeEmbedding } from '../inference/base64.ts';
import { PictureError } from '../inference/decode.ts';
import { type Embeddings, embedPictures } from '../inference/embed.ts';
import { useModel } from '../inference/models.ts';
import { inputBytes } from '../inference/serving-memory.ts';
import { type EmbeddingsRequest, readEmbeddingsRequest } from './embeddings-request.ts';
import { addRoute, needs } from './route.ts';

/** `POST /v1/embeddings`: pictures in, embeddings out, in OpenAI's form. */
export function addEmbeddingRoutes(app: Hono<AppTypes>): void {
  addRoute(app, '/v1/embeddings', {
    POST: needs('embed', async (context) => {
      const { memory } = await startBackend();
      const { PICTURE_ORIGINS } = parseVariables(context.var.bindings);
      return memory.holding(async (held) => {
        const request = await readEmbeddingsRequest(context.req.raw, held, PICTURE_ORIGINS);
        return useModel(context.var.bindings, request.model, async (model, name) => {
          const dimensions = checkDimensions(request, name, model.manifest);
          held.add(inputBytes(model.manifest));
          const embeddings = await embedPictures(model, request.files, request.flip, held.decoding);
          return respond(context, request, name, model.sha256, shorten(embeddings, dimensions));
        });
      });
    }),
  });
}

/** @returns how many numbers of each embedding are asked for. @throws {ApiError} 400. */
function checkDimensions({ dimensions }: EmbeddingsRequest, model: string, { embedding }: Manifest): number {
  const { dimension, truncatable } = embedding;
  if (dimensions === undefined || dimensions === dimension) return dimension;
  if (truncatable && dimensions < dimension) return dimensions;
  throw new ApiError(400, {
    message: `dimensions: "${model}" gives ${dimension} dimensions${truncatable ? ' or fewer' : ', and its embeddings cannot be shortened'}; ${dimensions} are asked for.`,
    param: 'dimensions',
    code: 'invalid_value',
  });
}

/** The first numbers of each embedding, at unit length again. */
function shorten({ results, times }: Embeddings, dimensions: number): Embeddings {
  const shortened = results.map((result) => {
    if (result instanceof PictureError || result.length === dimensions) return result;
    const first = result.slice(0, dimensions);
    const length = Math.hypot(...first);
    return first.map((value) => value / Math.max(length, 1e-12));
  });
  return { results: shortened, times };
}

function respond(
  context: Context<AppTypes>,
  { encoding, files }: EmbeddingsRequest,
  model: string,
  sha256: string,
  { results, times }: Embeddings,
): Response {
  const data: object[] = [];
  const errors: object[] = [];
  for (const [index, result] of results.entries()) {
    if (result instanceof PictureError) {
      errors.push(pictureProblem(result, 'input', index, files.length));
    } else {
      const embedding = encoding === 'base64' ? encodeEmbedding(result) : Array.from(result);
      data.push({ object: 'embedding', index, embedding });
    }
  }

  const timing = Object.entries(times).map(([name, time]) => `${name};dur=${time.toFixed(1)}`);
  context.header('Server-Timing', timing.join(', '));
  context.header('Model-Version', sha256);
  if (data.length === 0) {
    const [{ index: _, ...first }] = errors as [{ index: number; message: string }];
    if (errors.length === 1) return context.json({ error: first }, 400);
    const message = `None of the ${errors.length} pictures could be embedded. The first: ${first.message}`;
    return context.json({ error: { ...first, message }, errors }, 400);
  }
  return context.json({
    object: 'list',
    model,
    model_version: sha256,
    data,
    usage: { prompt_tokens: 0, total_tokens: 0 },
    ...(errors.length > 0 && { errors }),
  });
}

/** What is wrong with one of a request's pictures, as answers list it. */
export function pictureProblem({ message, code }: PictureError, field: string, index: number, count: number) {
  const param = count === 1 ? field : `${field}[${index}]`;
  return { index, message, type: 'invalid_request_error', param, code };
}
