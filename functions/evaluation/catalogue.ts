import type { Bindings } from '../environment.ts';
import type { SetDescription } from '../sets/catalogue.ts';
import type { Outcome } from './ledger.ts';
import type { EvaluationOrder } from './order.ts';

/** An evaluation as the catalogue knows it: `queued` until its outcome is recorded. */
export interface EvaluationRow {
  readonly id: string;
  readonly state: 'queued' | 'succeeded' | 'failed';
  readonly query_set: string;
  readonly query_sha256: string;
  readonly query_count: number;
  readonly gallery_set: string;
  readonly gallery_sha256: string;
  readonly gallery_count: number;
  readonly protocol: string;
  readonly distance: string;
  readonly shards_done: number;
  readonly shards_total: number;
  readonly result: string | null;
  readonly error: string | null;
  readonly created_at: string;
  readonly finished_at: string | null;
}

export async function recordEvaluation(
  { CATALOGUE }: Bindings,
  id: string,
  { protocol, distance }: EvaluationOrder,
  query: SetDescription,
  gallery: SetDescription,
): Promise<void> {
  await CATALOGUE.prepare(
    `INSERT INTO evaluations (id, state, query_set, query_sha256, query_count, gallery_set, gallery_sha256,
       gallery_count, protocol, distance, created_at) VALUES (?, 'queued', ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
    .bind(
      id,
      ...[query.name, query.sha256, query.count],
      ...[gallery.name, gallery.sha256, gallery.count],
      protocol,
      distance,
      new Date().toISOString(),
    )
    .run();
}

export async function recordOutcome(
  { CATALOGUE }: Bindings,
  id: string,
  outcome: Outcome,
  shards: { readonly done: number; readonly total: number },
): Promise<void> {
  await CATALOGUE.prepare(
    `UPDATE evaluations SET state = ?, result = ?, error = ?, shards_done = ?, shards_total = ?, finished_at = ?
       WHERE id = ? AND state = 'queued'`,
  )
    .bind(
      outcome.state,
      outcome.state === 'succeeded' ? JSON.stringify(outcome.result) : null,
      outcome.state === 'failed' ? JSON.stringify(outcome.error) : null,
      shards.done,
      shards.total,
      new Date().toISOString(),
      id,
    )
    .run();
}

/** Takes an evaluation out again that did not start. */
export async function forgetEvaluation({ CATALOGUE }: Bindings, id: string): Promise<void> {
  await CATALOGUE.prepare('DELETE FROM evaluations WHERE id = ?').bind(id).run();
}

/** The evaluation of an id, or `null`. */
export function findEvaluation({ CATALOGUE }: Bindings, id: string): Promise<EvaluationRow | null> {
  return CATALOGUE.prepare('SELECT * FROM evaluations WHERE id = ?').bind(id).first<EvaluationRow>();
}
