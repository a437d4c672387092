import type { StageName } from './stages/stages.ts';

/** How far one stage is, in shards. */
export interface StagePace {
  readonly stage: StageName;
  readonly done: number;
  readonly total: number;
}

/** What the ledger knows of how an evaluation goes: numbers of shards, and times in milliseconds since 1970. */
export interface Pace {
  readonly done: number;
  readonly total: number;
  readonly openedAt: number;
  /** When a shard last came back; 0 before. */
  readonly lastDoneAt: number;
}

/**
 * Seconds until the last shard is back, if the others take as long as those that are done; `null` before the
 * first is. The time since the last one came back counts as work on the next.
 */
export function etaSeconds({ done, total, openedAt, lastDoneAt }: Pace, now: number): number | null {
  if (done === total) return 0;
  if (done === 0) return null;
  const remaining = ((lastDoneAt - openedAt) / done) * (total - done) - (now - lastDoneAt);
  return Math.max(0, Math.ceil(remaining / 1000));
}
