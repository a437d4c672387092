import type { Context, Hono } from 'hono';
import { z } from 'zod';
import { readJson } from '../body.ts';
import type { AppTypes } from '../environment.ts';
import { ApiError, parseRequest } from '../errors.ts';
import {
  type EvaluationRow,
  findEvaluation,
  forgetEvaluation,
  recordEvaluation,
} from '../evaluation/catalogue.ts';
import type { EvaluationProgress } from '../evaluation/evaluation.ts';
import { ruleSchema } from '../evaluation/order.ts';
import { MAX_EVALUATION_BODY_BYTES, MAX_SHARDS } from '../limits.ts';
import { findSet, type SetDescription } from '../sets/catalogue.ts';
import { addRoute } from './route.ts';
import { setNameSchema, setNotFound } from './sets.ts';

const requestSchema = z.strictObject({
  query: setNameSchema,
  gallery: setNameSchema,
  ...ruleSchema.shape,
});

/** `/v1/evaluations`: jobs that rank a query set against a gallery set. */
export function addEvaluationRoutes(app: Hono<AppTypes>): void {
  addRoute(app, '/v1/evaluations', { POST: createEvaluation });
  addRoute(app, '/v1/evaluations/:id', {
    GET: async (context) => {
      const id = context.req.param('id') as string;
      const row = await findEvaluation(context.env, id);
      if (row === null) {
        throw new ApiError(404, {
          message: `There is no evaluation "${id}".`,
          param: 'id',
          code: 'evaluation_not_found',
        });
      }
      return context.json(await evaluationObject(context, row));
    },
  });
}

async function createEvaluation(context: Context<AppTypes>): Promise<Response> {
  const { env } = context;
  const request = parseRequest(requestSchema, await readJson(context.req.raw, MAX_EVALUATION_BODY_BYTES));
  const query = await findSet(env, request.query);
  if (query === null) throw setNotFound(request.query, 'query');
  const gallery = await findSet(env, request.gallery);
  if (gallery === null) throw setNotFound(request.gallery, 'gallery');
  checkFit(request.protocol, query, gallery);

  const id = crypto.randomUUID();
  const order = {
    query: query.sha256,
    gallery: gallery.sha256,
    protocol: request.protocol,
    distance: request.distance,
  };
  await recordEvaluation(env, id, order, query, gallery);
  let shards: number | undefined;
  try {
    shards = await env.EVALUATIONS.get(env.EVALUATIONS.idFromName(id)).start(id, order);
  } catch (error) {
    await forgetEvaluation(env, id);
    throw error;
  }
  if (shards === undefined) {
    await forgetEvaluation(env, id);
    throw new ApiError(422, {
      message: `${query.count} queries × ${gallery.count} gallery items × ${query.dimension} dimensions are more than the ${MAX_SHARDS} shards of one evaluation.`,
      param: 'query',
      code: 'evaluation_too_large',
    });
  }
  const row = (await findEvaluation(env, id)) as EvaluationRow;
  return context.json(await evaluationObject(context, row), 202, { Location: `/v1/evaluations/${id}` });
}

function checkFit(protocol: string, query: SetDescription, gallery: SetDescription): void {
  if (query.dimension !== gallery.dimension) {
    throw new ApiError(422, {
      message: `The query set "${query.name}" has ${query.dimension} dimensions, the gallery set "${gallery.name}" has ${gallery.dimension}.`,
      param: 'gallery',
      code: 'dimension_mismatch',
    });
  }
  if (protocol === 'all' && query.sha256 !== gallery.sha256) {
    throw new ApiError(422, {
      message: `The protocol "all" ranks a set against itself; "${query.name}" and "${gallery.name}" are not the same content.`,
      param: 'gallery',
      code: 'not_the_same_set',
    });
  }
}

async function evaluationObject({ env }: Context<AppTypes>, row: EvaluationRow) {
  const description = {
    id: row.id,
    object: 'evaluation',
    query: { set: row.query_set, sha256: row.query_sha256, count: row.query_count },
    gallery: { set: row.gallery_set, sha256: row.gallery_sha256, count: row.gallery_count },
    protocol: row.protocol,
    distance: row.distance,
    createdAt: row.created_at,
    finishedAt: row.finished_at,
  };
  if (row.state !== 'queued') {
    return {
      ...description,
      state: row.state,
      progress: { shards: { done: row.shards_done, total: row.shards_total } },
      ...(row.result !== null && { result: JSON.parse(row.result) }),
      ...(row.error !== null && { error: JSON.parse(row.error) }),
    };
  }
  // Until its outcome is recorded, the evaluation itself knows how far it is.
  const progress = await env.EVALUATIONS.get(env.EVALUATIONS.idFromName(row.id)).progress();
  return { ...description, ...liveState(progress) };
}

function liveState(progress: EvaluationProgress | undefined) {
  if (progress === undefined) {
    const message = 'The evaluation was interrupted before it was planned; start it again.';
    return {
      state: 'failed',
      progress: { shards: { done: 0, total: 0 } },
      error: { message, code: 'not_started' },
    };
  }
  const { started, done, total, outcome } = progress;
  const shards = { shards: { done, total } };
  if (outcome === undefined) return { state: started ? 'running' : 'queued', progress: shards };
  return outcome.state === 'succeeded'
    ? { state: outcome.state, progress: shards, result: outcome.result }
    : { state: outcome.state, progress: shards, error: outcome.error };
}
