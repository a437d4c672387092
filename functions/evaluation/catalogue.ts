import type { Bindings } from '../environment.ts';
import type { SetDescription } from '../sets/catalogue.ts';
import { SERVICE_VERSION } from '../version.ts';
import type { Outcome } from './ledger.ts';
import type { EvaluationOrder } from './order.ts';

/** The states of an evaluation. */
export const evaluationStates = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const;

export type EvaluationState = (typeof evaluationStates)[number];

/** An evaluation as the catalogue knows it. */
export interface EvaluationRow {
  readonly id: string;
  readonly state: EvaluationState;
  readonly query_set: string;
  readonly query_sha256: string;
  readonly query_count: number;
  readonly gallery_set: string;
  readonly gallery_sha256: string;
  readonly gallery_count: number;
  readonly dimension: number;
  readonly protocol: EvaluationOrder['protocol'];
  readonly distance: EvaluationOrder['distance'];
  readonly version: string;
  readonly idempotency_key: string | null;
  readonly request_sha256: string | null;
  readonly webhook_url: string | null;
  readonly shards_done: number;
  readonly shards_total: number;
  readonly result: string | null;
  readonly error: string | null;
  readonly created_at: string;
  readonly finished_at: string | null;
}

/** An evaluation as it is asked for. */
export interface NewEvaluation extends Pick<EvaluationOrder, 'protocol' | 'distance'> {
  readonly id: string;
  readonly query: SetDescription;
  readonly gallery: SetDescription;
  readonly webhookUrl?: string | undefined;
  readonly idempotency?: Idempotency | undefined;
}

/** What makes a request that is sent again the same one. */
export interface Idempotency {
  readonly key: string;
  /** SHA-256 of the request. */
  readonly request: string;
}

/** What an evaluation of the catalogue ranks. */
export function orderOf({
  query_sha256,
  gallery_sha256,
  protocol,
  distance,
}: EvaluationRow): EvaluationOrder {
  return { query: query_sha256, gallery: gallery_sha256, protocol, distance };
}

/** Records an evaluation, in one step. @returns whether it is there now; not where its key is taken. */
export async function recordEvaluation(
  { CATALOGUE }: Bindings,
  { id, query, gallery, protocol, distance, webhookUrl, idempotency }: NewEvaluation,
): Promise<boolean> {
  const { meta } = await CATALOGUE.prepare(
    `INSERT INTO evaluations (id, state, query_set, query_sha256, query_count, gallery_set, gallery_sha256,
       gallery_count, dimension, protocol, distance, version, idempotency_key, request_sha256, webhook_url,
       created_at)
     VALUES (?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (idempotency_key) DO NOTHING`,
  )
    .bind(
      id,
      ...[query.name, query.sha256, query.count],
      ...[gallery.name, gallery.sha256, gallery.count],
      ...[query.dimension, protocol, distance, SERVICE_VERSION],
      ...[idempotency?.key ?? null, idempotency?.request ?? null, webhookUrl ?? null],
      new Date().toISOString(),
    )
    .run();
  return meta.changes === 1;
}

/** Notes that a worker has begun. */
export async function recordRunning({ CATALOGUE }: Bindings, id: string): Promise<void> {
  await CATALOGUE.prepare("UPDATE evaluations SET state = 'running' WHERE id = ? AND state = 'queued'")
    .bind(id)
    .run();
}

/** Records how an evaluation ended, once. @returns whether the catalogue has the evaluation. */
export async function recordOutcome(
  bindings: Bindings,
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

/** Takes an evaluation out of the catalogue. */
export async function forgetEvaluation({ CATALOGUE }: Bindings, id: string): Promise<void> {
  await CATALOGUE.prepare('DELETE FROM evaluations WHERE id = ?').bind(id).run();
}

/** The evaluation of an id, or `null`. */
export function findEvaluation({ CATALOGUE }: Bindings, id: string): Promise<EvaluationRow | null> {
  return CATALOGUE.prepare('SELECT * FROM evaluations WHERE id = ?').bind(id).first<EvaluationRow>();
}

/** The evaluation that was asked for with a key, or `null`. */
export function findEvaluationByKey({ CATALOGUE }: Bindings, key: string): Promise<EvaluationRow | null> {
  return CATALOGUE.prepare('SELECT * FROM evaluations WHERE idempotency_key = ?')
    .bind(key)
    .first<EvaluationRow>();
}

/** Evaluations, newest first: those after one of them, and of one state, where that is given. */
export async function listEvaluations(
  { CATALOGUE }: Bindings,
  limit: number,
  after: EvaluationRow | undefined,
  state: EvaluationState | undefined,
): Promise<EvaluationRow[]> {
  const { results } = await CATALOGUE.prepare(
    `SELECT * FROM evaluations
       WHERE (?1 IS NULL OR (created_at, id) < (?1, ?2)) AND (?3 IS NULL OR state = ?3)
       ORDER BY created_at DESC, id DESC LIMIT ?4`,
  )
    .bind(after?.created_at ?? null, after?.id ?? null, state ?? null, limit)
    .all<EvaluationRow>();
  return results;
}
