import {
  LATE_FACTOR,
  LATE_TIMEOUT_SHARE,
  MAX_SPARE_COPIES,
  MAX_TIMEOUT_DOUBLINGS,
  SHARD_TIME_MARGIN,
} from '../limits.ts';
import type { LedgerShard, StageTimes } from './ledger.ts';

/** What of a shard that is out says when something is due for it. */
type OutShard = Pick<LedgerShard, 'sentAt' | 'claimedAt' | 'losses' | 'spares'>;

/** Whether a worker took a shard since it was last sent. */
export function isTaken({ sentAt, claimedAt }: OutShard): boolean {
  return claimedAt >= sentAt;
}

/**
 * When a shard that is out counts as lost, in milliseconds since 1970.
 *
 * One that a worker took is waited for several times as long as its plan expects. One that none took is lost where
 * one that was sent later was taken; else it waits for its turn in the queue, as long as any is taken meanwhile.
 *
 * @param timeout milliseconds after which it may count as lost at the earliest.
 */
export function lostAt(shard: OutShard, times: StageTimes, timeout: number): number {
  const doubled = 2 ** Math.min(shard.losses, MAX_TIMEOUT_DOUBLINGS);
  if (isTaken(shard)) {
    return shard.claimedAt + doubled * Math.max(timeout, SHARD_TIME_MARGIN * times.expected);
  }
  return waitsSince(shard, times) + doubled * timeout;
}

/**
 * When a shard that is out is late, in milliseconds since 1970; `Infinity` where it was sent once more often
 * enough. It has taken, or has waited to be taken, much longer than others of its stage take in all.
 */
export function lateAt(shard: OutShard, times: StageTimes, timeout: number): number {
  if (shard.spares >= MAX_SPARE_COPIES) return Number.POSITIVE_INFINITY;
  const since = isTaken(shard) ? shard.claimedAt : waitsSince(shard, times);
  return since + Math.max(LATE_FACTOR * times.typical, LATE_TIMEOUT_SHARE * timeout);
}

function waitsSince({ sentAt }: OutShard, { lastClaimedAt, lastTakenSentAt }: StageTimes): number {
  return lastTakenSentAt > sentAt ? sentAt : Math.max(sentAt, lastClaimedAt);
}
