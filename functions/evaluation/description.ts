import { PLANNING_MS } from '../limits.ts';
import { type EvaluationRow, NOT_STARTED, ruleOf } from './catalogue.ts';
import type { EvaluationProgress } from './evaluation.ts';
import type { Outcome } from './ledger.ts';
import { type EvaluationRule, setRuleOf } from './order.ts';

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
    ...describeRule(ruleOf(row)),
    version: row.version,
    ...(row.webhook_url !== null && { webhook: describeWebhook(row) }),
    createdAt: row.created_at,
  };
}

/** How an evaluation ranks: what is by default is left out. */
export function describeRule(rule: EvaluationRule) {
  const { protocol, distance, draws, bootstrap, verification, rerank, topK } = rule;
  return {
    protocol,
    distance,
    ...(protocol === 'cuhk03-classic' && { draws: draws ?? setRuleOf(rule).draws }),
    ...(bootstrap !== undefined && { bootstrap }),
    ...(verification && { verification }),
    ...(rerank !== undefined && { rerank }),
    ...(topK > 0 && { topK }),
  };
}

/** The secret is in the evaluation's own storage only, until the webhook is delivered. */
function describeWebhook(row: EvaluationRow) {
  return {
    url: row.webhook_url,
    attempts: row.webhook_attempts,
    lastStatus: row.webhook_status,
    deliveredAt: row.webhook_delivered_at,
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
  const { started, done, total, stages, etaSeconds, outcome } = progress;
  if (outcome === undefined) {
    const current = stages.find((stage) => stage.done < stage.total)?.stage ?? null;
    return {
      state: started ? 'running' : 'queued',
      finishedAt: null,
      progress: { shards: { done, total }, stage: current, stages, etaSeconds },
    };
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
  return { state: 'failed', finishedAt: null, progress, error: NOT_STARTED_ERROR };
}

/** The outcome of an evaluation that was interrupted before it was planned. */
export const NOT_STARTED_ERROR = {
  message: 'The evaluation was interrupted before it was planned; start it again.',
  code: NOT_STARTED,
};
