import { parseVariables } from '../environment.ts';
import { ApiError } from '../errors.ts';
import { QUOTA_RETRY_SECONDS } from '../limits.ts';
import type { OwnedBindings } from '../owners.ts';

/** What is stored, or is to be: sets, their rows, embeddings or pictures, and bytes. */
export interface Storing {
  readonly sets: number;
  readonly vectors: number;
  readonly bytes: number;
}

/** What is not counted, for it is replaced, as conditions in SQL on rows of the catalogue's tables. */
interface Replaced {
  readonly sets?: string;
  readonly uploads?: string;
  readonly upload_parts?: string;
}

/**
 * In SQL, one row with what an owner has stored: sets, models, and uploads under way as they were announced.
 *
 * @param owner an expression in SQL.
 */
export function storedInSql(
  owner: string,
  { sets = 'FALSE', uploads = 'FALSE', upload_parts = 'FALSE' }: Replaced = {},
): string {
  return `SELECT COALESCE(SUM(sets), 0) AS sets, COALESCE(SUM(vectors), 0) AS vectors,
      COALESCE(SUM(bytes), 0) AS bytes FROM (
    SELECT 1 AS sets, count AS vectors, bytes FROM sets WHERE owner = ${owner} AND NOT (${sets})
    UNION ALL SELECT 0, 0, bytes FROM model_versions WHERE owner = ${owner} AND deleted_at IS NULL
    UNION ALL SELECT 1, count, 4 * count * dimension + (
        SELECT COALESCE(SUM(bytes), 0) FROM upload_parts WHERE upload = uploads.id AND NOT (${upload_parts}))
      FROM uploads JOIN holders ON holders.id = uploads.id
      WHERE owner = ${owner} AND expires_at > unixepoch() * 1000 AND NOT (${uploads}))`;
}

/**
 * True in SQL where what an owner has stored leaves room: in the statement that stores, so that of two requests that
 * come together the second sees the first.
 *
 * @param room an expression in SQL: what `roomFor` gives.
 */
export function hasRoomInSql(owner: string, room: string, replaced?: Replaced): string {
  return `EXISTS (SELECT 1 FROM (${storedInSql(owner, replaced)}) WHERE sets <= ${room} ->> 'sets'
    AND vectors <= ${room} ->> 'vectors' AND bytes <= ${room} ->> 'bytes')`;
}

/** What an owner may have stored before, as JSON, for that much more to be within its quotas. */
export function roomFor(bindings: OwnedBindings, storing: Storing): string {
  const quotas = storageQuotas(bindings);
  return JSON.stringify({
    sets: quotas.sets - storing.sets,
    vectors: quotas.vectors - storing.vectors,
    bytes: quotas.bytes - storing.bytes,
  });
}

/** Whether an owner may store that much more. @throws {ApiError} 429 that names the quota and what is stored. */
export async function checkStorage(
  bindings: OwnedBindings,
  storing: Storing,
  replaced?: Replaced,
  ...values: unknown[]
): Promise<void> {
  const { CATALOGUE, owner } = bindings;
  const stored = await CATALOGUE.prepare(storedInSql('?1', replaced))
    .bind(owner, ...values)
    .first<Storing>();
  refuseAbove(bindings, stored as Storing, storing);
}

/** @throws {ApiError} 429 where what an owner has stored leaves no room for that much more. */
export function refuseAbove(bindings: OwnedBindings, stored: Storing, storing: Storing): void {
  const quotas = storageQuotas(bindings);
  for (const what of ['sets', 'vectors', 'bytes'] as const) {
    if (stored[what] + storing[what] <= quotas[what]) continue;
    throw overQuota(
      `An owner may store ${quotas[what]} ${what}; "${bindings.owner}" has ${stored[what]}, and this would be ${storing[what]} more. Delete sets or models first.`,
      'storage_quota_exceeded',
    );
  }
}

function storageQuotas(bindings: OwnedBindings): Storing {
  const { QUOTA_SETS, QUOTA_VECTORS, QUOTA_BYTES } = parseVariables(bindings);
  return { sets: QUOTA_SETS, vectors: QUOTA_VECTORS, bytes: QUOTA_BYTES };
}

/** True in SQL where an owner has fewer evaluations under way than a number. Both are expressions in SQL. */
export function hasFewerEvaluations(owner: string, quota: string): string {
  return `(${RUNNING} = ${owner}) < ${quota}`;
}

const RUNNING = 'SELECT COUNT(*) AS n FROM evaluations WHERE finished_at IS NULL AND owner';

/** How many evaluations an owner may have under way. */
export function evaluationQuota(bindings: OwnedBindings): number {
  return parseVariables(bindings).QUOTA_EVALUATIONS;
}

/** @throws {ApiError} 429 where as many evaluations of an owner are under way as may be. */
export async function checkEvaluations(bindings: OwnedBindings): Promise<void> {
  const quota = evaluationQuota(bindings);
  const running = await bindings.CATALOGUE.prepare(`${RUNNING} = ?`).bind(bindings.owner).first<number>('n');
  if (Number(running) < quota) return;
  throw overQuota(
    `An owner may have ${quota} evaluations queued or running; "${bindings.owner}" has ${running}. Wait for one to end, or cancel one.`,
    'evaluation_quota_exceeded',
  );
}

function overQuota(message: string, code: string): ApiError {
  const headers = { 'Retry-After': String(QUOTA_RETRY_SECONDS) };
  return new ApiError(429, { message, type: 'rate_limit_error', code }, headers);
}
