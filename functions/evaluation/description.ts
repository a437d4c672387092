import { PLANNING_MS } from '../limits.ts';
import type { EvaluationRow } from './catalogue.ts';
import type { EvaluationProgress } from './evaluation.ts';
import type { Outcome } from './ledger.ts';

/** Whether the catalogue has how an evaluation ended. */
export function hasEnded({ state }: EvaluationRow): boolean {
  return state !== 'queued' && state !== 'running';
}

/**
 * An evaluation as answers, events and webhooks show it. Contents, rule and version are what its result is made
 * of: the same again give the same bits.
 *
 * @param progress what the evaluation itself says; it is asked until the catalogue has how it ended.
 */
export function describeEvaluation(row: EvaluationRow, progress?: EvaluationProgress) {
  return {
    id: row.id,
    object: 'evaluation',
    ...(hasEnded(row) ? recordedState(row) : liveState(row, progress)),
    query: { set: row.query_set, sha256: row.query_sha256, count: row.query_count },
    gallery: { set: row.gallery_set, sha256: row.gallery_sha256, count: row.gallery_count },
    dimension: row.dimension,
    protocol: row.protocol,
    distance: row.distance,
    version: row.version,
    // The secret is in the evaluation's own storage only, until the webhook is delivered.
    ...(row.webhook_url !== null && { webhook: { url: row.webhook_url } }),
    createdAt: row.created_at,
  };
}

function recordedState(row: EvaluationRow) {
  return {
    state: row.state,
    finishedAt: row.finished_at,
    progress: { shards: { done: row.shards_done, total: row.shards_total }, etaSeconds: null },
    ...(row.result !== null && { result: JSON.parse(row.result) }),
    ...(row.error !== null && { error: JSON.parse(row.error) }),
  };
}

function liveState(row: EvaluationRow, progress: EvaluationProgress | undefined) {
  if (progress === undefined) return unplannedState(row);
  const { started, done, total, etaSeconds, outcome } = progress;
  if (outcome === undefined) {
    const shards = { shards: { done, total }, etaSeconds };
    return { state: started ? 'running' : 'queued', finishedAt: null, progress: shards };
  }
  return {
    state: outcome.state,
    finishedAt: outcome.finishedAt,
    progress: { shards: { done, total }, etaSeconds: null },
    ...fruits(outcome),
  };
}

function fruits(outcome: Outcome) {
  if (outcome.state === 'succeeded') return { result: outcome.result };
  return outcome.state === 'failed' ? { error: outcome.error } : {};
}

/** In the catalogue and without a ledger: it is being planned, or the service stopped while it was. */
function unplannedState(row: EvaluationRow) {
  const progress = { shards: { done: 0, total: 0 }, etaSeconds: null };
  if (Date.now() - Date.parse(row.created_at) < PLANNING_MS)
    return { state: 'queued', finishedAt: null, progress };
  const message = 'The evaluation was interrupted before it was planned; start it again.';
  return { state: 'failed', finishedAt: null, progress, error: { message, code: 'not_started' } };
}
