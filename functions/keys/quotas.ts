import { parseVariables } from '../environment.ts';
import { ApiError } from '../errors.ts';
import { QUOTA_RETRY_SECONDS } from '../limits.ts';
import type { OwnedBindings } from '../owners.ts';

/** What is to be stored: rows of sets, embeddings or pictures, and bytes. */
export interface Storing {
  readonly vectors: number;
  readonly bytes: number;
}

/** What an owner has stored: sets, models, and uploads under way: embeddings as announced, pictures as they came. */
export async function storedBy(
  { CATALOGUE, owner }: Pick<OwnedBindings, 'CATALOGUE' | 'owner'>,
  now = Date.now(),
): Promise<Storing> {
  const row = await CATALOGUE.prepare(
    `SELECT COALESCE(SUM(vectors), 0) AS vectors, COALESCE(SUM(bytes), 0) AS bytes FROM (
       SELECT count AS vectors, bytes FROM sets WHERE owner = ?1
       UNION ALL SELECT 0, bytes FROM model_versions WHERE owner = ?1 AND deleted_at IS NULL
       UNION ALL SELECT count, 4 * count * dimension
           + (SELECT COALESCE(SUM(bytes), 0) FROM upload_parts WHERE upload = uploads.id)
         FROM uploads JOIN holders ON holders.id = uploads.id WHERE owner = ?1 AND expires_at > ?2)`,
  )
    .bind(owner, now)
    .first<Storing>();
  return row as Storing;
}

/**
 * Whether an owner may store that much more. What is stored at the same time by requests beside this one is not
 * seen; each of those is bounded by what one request may have.
 *
 * @throws {ApiError} 429 that names the quota and what is stored.
 */
export async function checkStorage(bindings: OwnedBindings, storing: Storing): Promise<void> {
  const { QUOTA_VECTORS, QUOTA_BYTES } = parseVariables(bindings);
  const stored = await storedBy(bindings);
  for (const [what, unit, quota] of [
    ['vectors', 'vectors', QUOTA_VECTORS],
    ['bytes', 'bytes', QUOTA_BYTES],
  ] as const) {
    if (stored[what] + storing[what] <= quota) continue;
    throw overQuota(
      `An owner may store ${quota} ${unit}; "${bindings.owner}" has ${stored[what]}, and this would be ${storing[what]} more. Delete sets or models first.`,
      'storage_quota_exceeded',
    );
  }
}

/** @throws {ApiError} 429 where as many evaluations of an owner are under way as may be. */
export async function checkEvaluations(bindings: OwnedBindings): Promise<void> {
  const { QUOTA_EVALUATIONS } = parseVariables(bindings);
  const running = await bindings.CATALOGUE.prepare(
    'SELECT COUNT(*) AS n FROM evaluations WHERE owner = ? AND finished_at IS NULL',
  )
    .bind(bindings.owner)
    .first<number>('n');
  if (Number(running) < QUOTA_EVALUATIONS) return;
  throw overQuota(
    `An owner may have ${QUOTA_EVALUATIONS} evaluations queued or running; "${bindings.owner}" has ${running}. Wait for one to end, or cancel one.`,
    'evaluation_quota_exceeded',
  );
}

function overQuota(message: string, code: string): ApiError {
  const headers = { 'Retry-After': String(QUOTA_RETRY_SECONDS) };
  return new ApiError(429, { message, type: 'rate_limit_error', code }, headers);
}
