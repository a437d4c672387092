import type { PictureOrder } from '../embedding/picture-order.ts';
import { ApiError } from '../errors.ts';
import { findModel } from '../inference/model-catalogue.ts';
import type { ModelReference } from '../inference/model-reference.ts';
import { checkEvaluations } from '../keys/quotas.ts';
import type { OwnedBindings } from '../owners.ts';
import type { SetDescription } from '../sets/catalogue.ts';
import {
  type EvaluationRow,
  findEvaluationByKey,
  findOwnedEvaluation,
  forgetEvaluation,
  type Idempotency,
  type NewEvaluation,
  NOT_STARTED,
  orderOf,
  recordEvaluation,
  reopenEvaluation,
} from './catalogue.ts';
import { hasEnded } from './description.ts';
import { IDEMPOTENCY_HEADER } from './idempotency.ts';
import type { EvaluationRule } from './order.ts';
import type { PlanProblem } from './plan.ts';
import type { Webhook } from './webhook.ts';

/** The evaluation that the same request asked for before, planned if it was not; `undefined` for the first. */
export async function repeatedEvaluation(
  bindings: OwnedBindings,
  { key, request }: Idempotency,
  webhook: Webhook | undefined,
): Promise<EvaluationRow | undefined> {
  const row = await findEvaluationByKey(bindings, key);
  if (row === null) return undefined;
  if (row.request_sha256 !== request) {
    throw new ApiError(422, {
      message: `${IDEMPOTENCY_HEADER}: this key came with another request before, which is evaluation ${row.id}.`,
      param: IDEMPOTENCY_HEADER,
      code: 'idempotency_key_reused',
    });
  }
  // The first request may be in the midst of its planning, or was interrupted there.
  if (row.error !== null && JSON.parse(row.error).code === NOT_STARTED) {
    await checkEvaluations(bindings);
    await reopenEvaluation(bindings, row);
  }
  const current = await findEvaluationByKey(bindings, key);
  if (current !== null && !hasEnded(current)) await plan(bindings, current, webhook);
  return current ?? undefined;
}

/**
 * Records an evaluation and starts it. Of two requests with one key that come at the same time, both get the
 * evaluation of the one that was recorded first.
 */
export async function createEvaluation(
  bindings: OwnedBindings,
  evaluation: NewEvaluation,
  webhook: Webhook | undefined,
): Promise<{ row: EvaluationRow; created: boolean }> {
  const { id, idempotency } = evaluation;
  if (!(await recordEvaluation(bindings, evaluation))) {
    if (idempotency !== undefined) {
      const row = await repeatedEvaluation(bindings, idempotency, webhook);
      if (row !== undefined) return { row, created: false };
    }
    await checkEvaluations(bindings);
    throw new ApiError(409, {
      message: `The set "${evaluation.query.name}" or "${evaluation.gallery.name}" was replaced or deleted while the evaluation was asked for; send it again.`,
      param: 'query',
      code: 'set_changed',
    });
  }
  const row = (await findOwnedEvaluation(bindings, id)) as EvaluationRow;
  try {
    await plan(bindings, row, webhook);
  } catch (error) {
    // With a key, sending it again goes on from here; without one, nobody knows of it.
    if (idempotency === undefined) await forgetEvaluation(bindings, id);
    throw error;
  }
  return { row, created: true };
}

async function plan(
  bindings: OwnedBindings,
  row: EvaluationRow,
  webhook: Webhook | undefined,
): Promise<void> {
  const { EVALUATIONS } = bindings;
  const owner = EVALUATIONS.get(EVALUATIONS.idFromName(row.id));
  const problem = await owner.start(row.id, orderOf(row), webhook);
  if (problem === undefined) return;
  await forgetEvaluation(bindings, row.id);
  throw cannotBePlanned(problem);
}

/** An evaluation that the sets do not allow, or that is beyond a limit. */
export function cannotBePlanned({ message, param, code }: PlanProblem): ApiError {
  return new ApiError(422, { message, param, code });
}

/**
 * The model that an evaluation embeds its pictures with; `undefined` where it has none.
 *
 * @throws {ApiError} 422 where one is missing, or there is nothing that it would embed; 404 where there is none of
 * that name.
 */
export async function modelFor(
  bindings: OwnedBindings,
  reference: ModelReference | undefined,
  query: SetDescription,
  gallery: SetDescription,
): Promise<PictureOrder['model'] | undefined> {
  const pictures = [query, gallery].find(({ kind }) => kind === 'pictures');
  if (reference === undefined) {
    if (pictures === undefined) return undefined;
    throw new ApiError(422, {
      message: `model: the set "${pictures.name}" is of pictures; name the model that is to embed them.`,
      param: 'model',
      code: 'model_required',
    });
  }
  if (pictures === undefined) {
    throw new ApiError(422, {
      message: 'model: both sets are of embeddings; there is nothing that a model would embed.',
      param: 'model',
      code: 'model_not_needed',
    });
  }
  const { name, sha256, manifest } = await findModel(bindings, reference);
  return { name, sha256, dimension: manifest.embedding.dimension };
}

/** Whether the two sets can be ranked against each other. @throws {ApiError} 422 that says why not. */
export function checkFit(
  { protocol }: EvaluationRule,
  query: SetDescription,
  gallery: SetDescription,
  model: PictureOrder['model'] | undefined,
): void {
  const dimensionOf = ({ kind, dimension }: SetDescription) =>
    kind === 'pictures' ? model?.dimension : dimension;
  if (dimensionOf(query) !== dimensionOf(gallery)) {
    throw new ApiError(422, {
      message: `The query set "${query.name}" has ${dimensionOf(query)} dimensions, the gallery set "${gallery.name}" has ${dimensionOf(gallery)}.`,
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
