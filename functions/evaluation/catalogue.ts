import type { PictureOrder } from '../embedding/picture-order.ts';
import type { Bindings } from '../environment.ts';
import { isBuiltIn } from '../inference/built-in-names.ts';
import { evaluationQuota, hasFewerEvaluations } from '../keys/quotas.ts';
import type { OwnedBindings } from '../owners.ts';
import type { SetDescription, SetKind } from '../sets/catalogue.ts';
import { SERVICE_VERSION } from '../version.ts';
import type { Outcome } from './ledger.ts';
import { type EvaluationOrder, type EvaluationRule, ruleSchema } from './order.ts';
import type { EvaluationState } from './states.ts';

type Catalogue = Pick<Bindings, 'CATALOGUE'>;

/** An evaluation as the catalogue knows it. */
export interface EvaluationRow {
  readonly id: string;
  readonly owner: string;
  readonly state: EvaluationState;
  readonly query_set: string;
  readonly query_sha256: string;
  readonly query_count: number;
  readonly gallery_set: string;
  readonly gallery_sha256: string;
  readonly gallery_count: number;
  readonly dimension: number;
  readonly query_kind: SetKind;
  readonly gallery_kind: SetKind;
  /** Where a set is of pictures. */
  readonly model: string | null;
  readonly model_sha256: string | null;
  /** A name, or a rule as JSON. */
  readonly protocol: string;
  readonly distance: string;
  /** The rest of what was asked for, as JSON. */
  readonly options: string;
  readonly version: string;
  readonly idempotency_key: string | null;
  readonly request_sha256: string | null;
  readonly webhook_url: string | null;
  readonly webhook_attempts: number;
  /** How the last attempt went. */
  readonly webhook_status: string | null;
  readonly webhook_delivered_at: string | null;
  readonly shards_done: number;
  readonly shards_total: number;
  readonly result: string | null;
  readonly error: string | null;
  readonly created_at: string;
  readonly finished_at: string | null;
}

/** An evaluation as it is asked for. */
export interface NewEvaluation {
  readonly id: string;
  readonly rule: EvaluationRule;
  readonly query: SetDescription;
  readonly gallery: SetDescription;
  /** Where a set is of pictures. */
  readonly model?: PictureOrder['model'] | undefined;
  readonly webhookUrl?: string | undefined;
  readonly idempotency?: Idempotency | undefined;
}

/** What makes a request that is sent again the same one. */
export interface Idempotency {
  readonly key: string;
  /** SHA-256 of the request. */
  readonly request: string;
}

/** How an evaluation of the catalogue ranks. */
export function ruleOf({ protocol, distance, options }: EvaluationRow): EvaluationRule {
  return ruleSchema.parse({
    ...JSON.parse(options),
    protocol: protocol.startsWith('{') ? JSON.parse(protocol) : protocol,
    distance,
  });
}

/** What an evaluation of the catalogue ranks. */
export function orderOf(row: EvaluationRow): EvaluationOrder {
  const { query_sha256: query, gallery_sha256: gallery, model, model_sha256 } = row;
  const order = { owner: row.owner, query, gallery, ...ruleOf(row) };
  if (model === null || model_sha256 === null) return order;
  return {
    ...order,
    pictures: {
      model: { name: model, sha256: model_sha256, dimension: row.dimension },
      query: row.query_kind === 'pictures' ? query : undefined,
      gallery: row.gallery_kind === 'pictures' ? gallery : undefined,
      missing: [],
      embedded: {},
    },
  };
}

/**
 * The sets ?1 and ?3 of the owner ?5 have the contents ?2 and ?4: what they hold is not removed, once this is
 * recorded.
 */
const SETS_ARE_THERE = `EXISTS (SELECT 1 FROM sets WHERE owner = ?5 AND name = ?1 AND sha256 = ?2)
  AND EXISTS (SELECT 1 FROM sets WHERE owner = ?5 AND name = ?3 AND sha256 = ?4)`;

/** The model ?20 has a version of the content ?21: its bundle is not removed, once this is recorded. */
const MODEL_IS_THERE = `EXISTS (SELECT 1 FROM model_versions
  WHERE owner = ?5 AND name = ?20 AND sha256 = ?21 AND deleted_at IS NULL)`;

/**
 * Records an evaluation, in one step.
 *
 * @returns whether it is there now; not where its key is taken, or a set or the model was replaced or deleted
 *   meanwhile, or as many of the owner are under way as may be.
 */
export async function recordEvaluation(
  bindings: OwnedBindings,
  { id, query, gallery, model, rule, webhookUrl, idempotency }: NewEvaluation,
): Promise<boolean> {
  const { CATALOGUE, owner } = bindings;
  const { protocol, distance, ...options } = rule;
  const { meta } = await CATALOGUE.prepare(
    `INSERT INTO evaluations (query_set, query_sha256, gallery_set, gallery_sha256, owner, id, state, query_count,
       gallery_count, dimension, protocol, distance, options, version, idempotency_key, request_sha256,
       webhook_url, created_at, query_kind, gallery_kind, model, model_sha256)
     SELECT ?1, ?2, ?3, ?4, ?5, ?6, 'queued', ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19,
         ?20, ?21
       WHERE ${SETS_ARE_THERE} AND (?22 OR ${MODEL_IS_THERE}) AND ${hasFewerEvaluations('?5', '?23')}
     ON CONFLICT (owner, idempotency_key) DO NOTHING`,
  )
    .bind(
      ...[query.name, query.sha256, gallery.name, gallery.sha256, owner],
      ...[id, query.count, gallery.count],
      model?.dimension ?? query.dimension,
      typeof protocol === 'string' ? protocol : JSON.stringify(protocol),
      ...[distance, JSON.stringify(options), SERVICE_VERSION],
      ...[idempotency?.key ?? null, idempotency?.request ?? null, webhookUrl ?? null],
      new Date().toISOString(),
      ...[query.kind, gallery.kind, model?.name ?? null, model?.sha256 ?? null],
      Number(model === undefined || isBuiltIn(model.name)),
      evaluationQuota(bindings),
    )
    .run();
  return meta.changes === 1;
}

/** Notes that a worker has begun. */
export async function recordRunning({ CATALOGUE }: Catalogue, id: string): Promise<void> {
  await CATALOGUE.prepare("UPDATE evaluations SET state = 'running' WHERE id = ? AND state = 'queued'")
    .bind(id)
    .run();
}

/** Records how an evaluation ended, once. @returns whether the catalogue has the evaluation. */
export async function recordOutcome(
  bindings: Catalogue,
  id: string,
  outcome: Outcome,
  shards: { readonly done: number; readonly total: number },
): Promise<boolean> {
  const { meta } = await bindings.CATALOGUE.prepare(
    `UPDATE evaluations SET state = ?, result = ?, error = ?, shards_done = ?, shards_total = ?, finished_at = ?
       WHERE id = ? AND state IN ('queued', 'running')`,
  )
    .bind(
      outcome.state,
      outcome.state === 'succeeded' ? JSON.stringify(outcome.result) : null,
      outcome.state === 'failed' ? JSON.stringify(outcome.error) : null,
      shards.done,
      shards.total,
      outcome.finishedAt,
      id,
    )
    .run();
  return meta.changes === 1 || (await findEvaluation(bindings, id)) !== null;
}

/** Records how the delivery of a webhook fares. */
export async function recordWebhook(
  { CATALOGUE }: Catalogue,
  id: string,
  { attempts, status, deliveredAt }: { attempts: number; status: string; deliveredAt: string | null },
): Promise<void> {
  await CATALOGUE.prepare(
    `UPDATE evaluations SET webhook_attempts = ?, webhook_status = ?, webhook_delivered_at = ? WHERE id = ?`,
  )
    .bind(attempts, status, deliveredAt, id)
    .run();
}

/** An owner's evaluations that are recorded as queued since before a time, the oldest first. */
export async function listQueued(
  { CATALOGUE, owner }: OwnedBindings,
  before: number,
  limit: number,
): Promise<EvaluationRow[]> {
  const { results } = await CATALOGUE.prepare(
    "SELECT * FROM evaluations WHERE owner = ? AND state = 'queued' AND created_at < ? ORDER BY created_at LIMIT ?",
  )
    .bind(owner, new Date(before).toISOString(), limit)
    .all<EvaluationRow>();
  return results;
}

/** What is recorded of an evaluation that was never planned, so that its key may start it once more. */
export const NOT_STARTED = 'not_started';

/** Opens an evaluation that was never planned once more, if its sets are still what they were. */
export async function reopenEvaluation(bindings: OwnedBindings, row: EvaluationRow): Promise<void> {
  await bindings.CATALOGUE.prepare(
    `UPDATE evaluations SET state = 'queued', error = NULL, finished_at = NULL, created_at = ?6
       WHERE id = ?7 AND state = 'failed' AND error ->> 'code' = '${NOT_STARTED}' AND ${SETS_ARE_THERE}
         AND ${hasFewerEvaluations('?5', '?8')}`,
  )
    .bind(
      ...[row.query_set, row.query_sha256, row.gallery_set, row.gallery_sha256, row.owner],
      new Date().toISOString(),
      ...[row.id, evaluationQuota(bindings)],
    )
    .run();
}

/** Takes an evaluation out of the catalogue. */
export async function forgetEvaluation({ CATALOGUE }: Catalogue, id: string): Promise<void> {
  await CATALOGUE.prepare('DELETE FROM evaluations WHERE id = ?').bind(id).run();
}

/** The evaluation that an owner has under an id, or `null`. */
export function findOwnedEvaluation(
  { CATALOGUE, owner }: OwnedBindings,
  id: string,
): Promise<EvaluationRow | null> {
  return CATALOGUE.prepare('SELECT * FROM evaluations WHERE id = ? AND owner = ?')
    .bind(id, owner)
    .first<EvaluationRow>();
}

/** The evaluation of an id, whoever has it, for the evaluation itself; `null` where it is deleted. */
export function findEvaluation({ CATALOGUE }: Catalogue, id: string): Promise<EvaluationRow | null> {
  return CATALOGUE.prepare('SELECT * FROM evaluations WHERE id = ?').bind(id).first<EvaluationRow>();
}

/** The evaluation that was asked for with a key, or `null`. */
export function findEvaluationByKey(
  { CATALOGUE, owner }: OwnedBindings,
  key: string,
): Promise<EvaluationRow | null> {
  return CATALOGUE.prepare('SELECT * FROM evaluations WHERE owner = ? AND idempotency_key = ?')
    .bind(owner, key)
    .first<EvaluationRow>();
}

/** An owner's evaluations, newest first: those after one of them, and of one state, where that is given. */
export async function listEvaluations(
  { CATALOGUE, owner }: OwnedBindings,
  limit: number,
  after: EvaluationRow | undefined,
  state: EvaluationState | undefined,
): Promise<EvaluationRow[]> {
  const { results } = await CATALOGUE.prepare(
    `SELECT * FROM evaluations
       WHERE owner = ?5 AND (?1 IS NULL OR (created_at, id) < (?1, ?2)) AND (?3 IS NULL OR state = ?3)
       ORDER BY created_at DESC, id DESC LIMIT ?4`,
  )
    .bind(after?.created_at ?? null, after?.id ?? null, state ?? null, limit, owner)
    .all<EvaluationRow>();
  return results;
}
