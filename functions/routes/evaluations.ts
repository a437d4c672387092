import type { Context, Hono } from 'hono';
import * as z from 'zod';
import { readJson } from '../body.ts';
import type { PictureOrder } from '../embedding/picture-order.ts';
import { planPictures } from '../embedding/plan-pictures.ts';
import { type AppTypes, type Bindings, parseVariables } from '../environment.ts';
import { ApiError, parseRequest } from '../errors.ts';
import {
  type EvaluationRow,
  findOwnedEvaluation,
  forgetEvaluation,
  listEvaluations,
  listQueued,
  recordOutcome,
} from '../evaluation/catalogue.ts';
import {
  cannotBePlanned,
  checkFit,
  createEvaluation,
  modelFor,
  repeatedEvaluation,
} from '../evaluation/creation.ts';
import { describeEvaluation, describeRule, hasEnded, NOT_STARTED_ERROR } from '../evaluation/description.ts';
import type { Evaluation } from '../evaluation/evaluation.ts';
import { idempotencyOf } from '../evaluation/idempotency.ts';
import { type EvaluationRule, ruleSchema } from '../evaluation/order.ts';
import { type Plan, type PlannedStage, planEvaluation, planProblem } from '../evaluation/plan.ts';
import { readSpeeds, shardCapacity } from '../evaluation/speeds.ts';
import { evaluationStates } from '../evaluation/states.ts';
import { webhookSchema } from '../evaluation/webhook.ts';
import type { AllowedPlaces } from '../evaluation/webhook-address.ts';
import { modelReferenceSchema } from '../inference/model-reference.ts';
import { checkEvaluations } from '../keys/quotas.ts';
import {
  MAX_DRAWS,
  MAX_EVALUATION_BODY_BYTES,
  MAX_EVALUATIONS_PAGE,
  MAX_RE_RANKING_BYTES,
  MAX_SHARD_FAILURES,
  MAX_SHARD_LOSSES,
  MAX_SHARD_MATCHES,
  MAX_SHARD_QUERIES,
  MAX_SHARDS,
  MAX_SHARDS_OUT,
  PLANNING_MS,
  SHARDS_IN_QUEUE,
  UNPLANNED_PER_LIST,
} from '../limits.ts';
import type { OwnedBindings } from '../owners.ts';
import { findSet, type SetDescription } from '../sets/catalogue.ts';
import { SERVICE_VERSION } from '../version.ts';
import { addRoute, needs } from './route.ts';
import { setNameSchema, setNotFound } from './sets.ts';

/** What an evaluation is asked for with. @param places where its webhook may go. */
export function evaluationRequestSchema(places: AllowedPlaces) {
  return z.strictObject({
    query: setNameSchema,
    gallery: setNameSchema,
    /** Embeds the pictures of a set of pictures. */
    model: modelReferenceSchema.optional(),
    ...ruleSchema.shape,
    webhook: webhookSchema(places).optional(),
    dryRun: z.boolean().default(false),
  });
}

export const evaluationsPageSchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(MAX_EVALUATIONS_PAGE).default(20),
  after: z.uuid().optional(),
  state: z.enum(evaluationStates).optional(),
});

/** `/v1/evaluations`: jobs that rank a query set against a gallery set. */
export function addEvaluationRoutes(app: Hono<AppTypes>): void {
  addRoute(app, '/v1/evaluations', {
    GET: needs('evaluate', list),
    POST: needs('evaluate', create),
  });
  addRoute(app, '/v1/evaluations/:id', {
    GET: needs('evaluate', async (context) => {
      const row = await evaluationOf(context);
      return context.json(await currentObject(context.var.bindings, row));
    }),
    DELETE: needs('evaluate', async (context) => {
      const { id } = await evaluationOf(context);
      // The evaluation first: what is left where this is interrupted can be deleted again.
      await ownerOf(context.var.bindings, id).discard();
      await forgetEvaluation(context.var.bindings, id);
      return context.body(null, 204);
    }),
  });
  addRoute(app, '/v1/evaluations/:id/cancel', { POST: needs('evaluate', cancel) });
}

/** The evaluation that a path names, as one of its parameters. @throws {ApiError} 404. */
export async function evaluationOf(
  context: Context<AppTypes>,
  param: 'id' | 'other' = 'id',
): Promise<EvaluationRow> {
  const id = context.req.param(param) as string;
  const row = await findOwnedEvaluation(context.var.bindings, id);
  if (row !== null) return row;
  throw new ApiError(404, {
    message: `There is no evaluation "${id}".`,
    param,
    code: 'evaluation_not_found',
  });
}

/** The object that owns an evaluation. */
export function ownerOf(
  { EVALUATIONS }: Pick<Bindings, 'EVALUATIONS'>,
  id: string,
): DurableObjectStub<Evaluation> {
  return EVALUATIONS.get(EVALUATIONS.idFromName(id));
}

/** An evaluation as it is now, for answers: until its outcome is recorded, the evaluation itself knows how far it is. */
export async function currentObject(bindings: OwnedBindings, row: EvaluationRow) {
  const progress = hasEnded(row) ? undefined : await ownerOf(bindings, row.id).progress();
  return describeEvaluation(row, progress);
}

async function create(context: Context<AppTypes>): Promise<Response> {
  const { bindings: env } = context.var;
  const { WEBHOOK_LOOPBACK, WEBHOOK_HOSTS } = parseVariables(env);
  const schema = evaluationRequestSchema({ loopback: WEBHOOK_LOOPBACK === 'allow', hosts: WEBHOOK_HOSTS });
  const request = parseRequest(schema, await readJson(context.req.raw, MAX_EVALUATION_BODY_BYTES));
  const idempotency = await idempotencyOf(context.req.raw.headers, request);
  // What was asked for before is answered before the sets are looked for: they may be gone since.
  if (idempotency !== undefined && !request.dryRun) {
    const row = await repeatedEvaluation(env, idempotency, request.webhook);
    if (row !== undefined) return context.json(await currentObject(env, row), 200, locationOf(row));
  }
  const { query: querySet, gallery: gallerySet, model: modelName, webhook, dryRun, ...rule } = request;
  const query = await findSet(env, querySet);
  if (query === null) throw setNotFound(querySet, 'query');
  const gallery = await findSet(env, gallerySet);
  if (gallery === null) throw setNotFound(gallerySet, 'gallery');
  const model = await modelFor(env, modelName, query, gallery);
  checkFit(rule, query, gallery, model);
  if (dryRun) return context.json(await planOf(env, rule, query, gallery, model));

  await checkEvaluations(env);
  const id = crypto.randomUUID();
  const evaluation = { id, query, gallery, model, rule, webhookUrl: webhook?.url, idempotency };
  const { row, created } = await createEvaluation(env, evaluation, webhook);
  return context.json(await currentObject(env, row), created ? 202 : 200, locationOf(row));
}

function locationOf({ id }: EvaluationRow) {
  return { Location: `/v1/evaluations/${id}` };
}

/** What an evaluation would take. */
async function planOf(
  bindings: OwnedBindings,
  rule: EvaluationRule,
  query: SetDescription,
  gallery: SetDescription,
  model: PictureOrder['model'] | undefined,
) {
  const { INVOCATION_CPU_MS, SHARD_TIMEOUT_MS } = parseVariables(bindings);
  const speeds = await readSpeeds(bindings);
  const capacity = shardCapacity(bindings, speeds);
  const picturesOf = ({ kind, sha256 }: SetDescription) => (kind === 'pictures' ? sha256 : undefined);
  const refusing = (error: unknown): never => {
    const problem = planProblem(error);
    throw problem === undefined ? error : cannotBePlanned(problem);
  };
  const { order, stages: before } = await planPictures(bindings, {
    ...{ query: query.sha256, gallery: gallery.sha256, ...rule },
    ...(model !== undefined && {
      pictures: {
        ...{ model, query: picturesOf(query), gallery: picturesOf(gallery) },
        ...{ missing: [], embedded: {} },
      },
    }),
  }).catch(refusing);
  // How many pictures are left to be ranked shows when they are embedded.
  const plan: Plan =
    before.length > 0
      ? { stages: before, shards: sumOfShards(before), multiplyAdds: 0, bytesRead: 0 }
      : await planEvaluation(bindings.STORE, order, capacity, speeds).catch(refusing);
  return {
    object: 'evaluation.plan',
    query: { set: query.name, sha256: query.sha256, count: query.count },
    gallery: { set: gallery.name, sha256: gallery.sha256, count: gallery.count },
    dimension: model?.dimension ?? query.dimension,
    ...(model !== undefined && { model: { name: model.name, sha256: model.sha256 } }),
    ...describeRule(rule),
    version: SERVICE_VERSION,
    plan: {
      /** Whether the ranking is in it: not before the pictures are embedded. */
      ranking: before.length === 0,
      shards: plan.shards,
      multiplyAdds: plan.multiplyAdds,
      bytesRead: plan.bytesRead,
      stages: plan.stages.map(({ stage, engine, shards, workPerItem, shardMs }) => {
        const counts = shards.map(({ count }) => count);
        const multiplyAdds = workPerItem * counts.reduce((sum, count) => sum + count, 0);
        return {
          stage,
          engine,
          shards: shards.length,
          itemsPerShard: { fewest: Math.min(...counts), most: Math.max(...counts) },
          multiplyAdds,
          computeSeconds:
            engine === 'network' || engine === 'reading'
              ? null
              : Number((multiplyAdds / speeds[engine].multiplyAddsPerSecond).toPrecision(3)),
          shardSeconds: Number((shardMs / 1000).toPrecision(3)),
        };
      }),
    },
    speeds,
    limits: {
      shards: MAX_SHARDS,
      shardMultiplyAdds: capacity.work,
      shardReadBytes: capacity.readBytes,
      invocationCpuSeconds: INVOCATION_CPU_MS / 1000,
      shardQueries: MAX_SHARD_QUERIES,
      shardMatches: MAX_SHARD_MATCHES,
      shardsInQueue: SHARDS_IN_QUEUE,
      shardsOut: MAX_SHARDS_OUT,
      shardFailures: MAX_SHARD_FAILURES,
      shardLosses: MAX_SHARD_LOSSES,
      shardTimeoutSeconds: SHARD_TIMEOUT_MS / 1000,
      reRankingBytes: MAX_RE_RANKING_BYTES,
      bootstrapDraws: MAX_DRAWS,
    },
  };
}

function sumOfShards(stages: readonly PlannedStage[]): number {
  return stages.reduce((sum, { shards }) => sum + shards.length, 0);
}

/** Records evaluations that were interrupted before they were planned as what they are. */
async function recordInterrupted(bindings: OwnedBindings): Promise<void> {
  const old = await listQueued(bindings, Date.now() - PLANNING_MS, UNPLANNED_PER_LIST);
  const record = async ({ id }: EvaluationRow) => {
    if ((await ownerOf(bindings, id).progress()) !== undefined) return;
    const outcome = {
      state: 'failed',
      finishedAt: new Date().toISOString(),
      error: NOT_STARTED_ERROR,
    } as const;
    await recordOutcome(bindings, id, outcome, { done: 0, total: 0 });
  };
  await Promise.all(old.map(record));
}

async function list(context: Context<AppTypes>): Promise<Response> {
  const { bindings: env } = context.var;
  const { limit, after, state } = parseRequest(evaluationsPageSchema, context.req.query());
  const last = after === undefined ? undefined : await findOwnedEvaluation(env, after);
  if (last === null) {
    throw new ApiError(400, {
      message: `after: there is no evaluation "${after}".`,
      param: 'after',
      code: 'evaluation_not_found',
    });
  }
  await recordInterrupted(env);
  // One more than asked for shows whether there is a next page.
  const rows = await listEvaluations(env, limit + 1, last, state);
  const page = rows.slice(0, limit);
  const data = await Promise.all(page.map((row) => currentObject(env, row)));
  return context.json({
    object: 'list',
    // What has another state by now than the catalogue has is on the pages of that one.
    data: data.filter((evaluation) => state === undefined || evaluation.state === state),
    hasMore: rows.length > limit,
    lastId: page.at(-1)?.id ?? null,
  });
}

async function cancel(context: Context<AppTypes>): Promise<Response> {
  const { bindings: env } = context.var;
  const { id, state: recorded } = await evaluationOf(context);
  const ended = recorded === 'queued' || recorded === 'running' ? await ownerOf(env, id).cancel() : recorded;
  if (ended === 'succeeded' || ended === 'failed') {
    throw new ApiError(409, {
      message: `The evaluation "${id}" has ${ended} already; there is nothing left to cancel.`,
      param: 'id',
      code: 'evaluation_finished',
    });
  }
  if (ended === undefined) {
    throw new ApiError(409, {
      message: `The evaluation "${id}" is not planned yet; cancel it in a moment, or delete it.`,
      param: 'id',
      code: 'evaluation_not_planned',
    });
  }
  return context.json(await currentObject(env, await evaluationOf(context)));
}
