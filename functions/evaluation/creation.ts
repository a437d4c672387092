import type { Bindings } from '../environment.ts';
import { ApiError } from '../errors.ts';
import type { SetDescription } from '../sets/catalogue.ts';
import {
  type EvaluationRow,
  findEvaluation,
  findEvaluationByKey,
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
  bindings: Bindings,
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
  if (row.error !== null && JSON.parse(row.error).code === NOT_STARTED) await reopenEvaluation(bindings, row);
  const current = await findEvaluationByKey(bindings, key);
  if (current !== null && !hasEnded(current)) await plan(bindings, current, webhook);
  return current ?? undefined;
}

/**
 * Records an evaluation and starts it. Of two requests with one key that come at the same time, both get the
 * evaluation of the one that was recorded first.
 */
export async function createEvaluation(
  bindings: Bindings,
  evaluation: NewEvaluation,
  webhook: Webhook | undefined,
): Promise<{ row: EvaluationRow; created: boolean }> {
  const { id, idempotency } = evaluation;
  if (!(await recordEvaluation(bindings, evaluation))) {
    if (idempotency !== undefined) {
      const row = await repeatedEvaluation(bindings, idempotency, webhook);
      if (row !== undefined) return { row, created: false };
    }
    throw new ApiError(409, {
      message: `The set "${evaluation.query.name}" or "${evaluation.gallery.name}" was replaced or deleted while the evaluation was asked for; send it again.`,
      param: 'query',
      code: 'set_changed',
    });
  }
  const row = (await findEvaluation(bindings, id)) as EvaluationRow;
  try {
    await plan(bindings, row, webhook);
  } catch (error) {
    // With a key, sending it again goes on from here; without one, nobody knows of it.
    if (idempotency === undefined) await forgetEvaluation(bindings, id);
    throw error;
  }
  return { row, created: true };
}

async function plan(bindings: Bindings, row: EvaluationRow, webhook: Webhook | undefined): Promise<void> {
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

/** Whether the two sets can be ranked against each other. @throws {ApiError} 422 that says why not. */
export function checkFit({ protocol }: EvaluationRule, query: SetDescription, gallery: SetDescription): void {
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
