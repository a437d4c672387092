import type { ClaimedShard } from './service.ts';
import type { Sizes } from './sets.ts';

/** How the platform behaves in a simulation. Times are in milliseconds. */
export interface Conditions {
  /** Workers that take messages of the queue at the same time. */
  readonly isolates: number;
  /** The median time of one way between an isolate and a Durable Object, and of a message through the queue. */
  readonly rpc: number;
  readonly delivery: number;
  /** Shares of messages that never come, that come twice, and of invocations that end without a word. */
  readonly lost: number;
  readonly duplicated: number;
  readonly crashed: number;
  /** The share of invocations on an isolate that is so many times slower. */
  readonly slow: number;
  readonly slowness: number;
  /** When everything that runs and all that the queue holds is lost at once, if it is. */
  readonly restartAt?: number;
}

export const calm: Conditions = {
  isolates: 250,
  rpc: 10,
  delivery: 100,
  lost: 0,
  duplicated: 0,
  crashed: 0,
  slow: 0,
  slowness: 1,
};

export const rough: Conditions = {
  ...calm,
  rpc: 40,
  delivery: 500,
  lost: 0.02,
  duplicated: 0.02,
  crashed: 0.02,
  slow: 0.05,
  slowness: 5,
};

/**
 * What an isolate does in a second. The kernel's multiply-adds are those that the bench measures in workerd on one
 * core of a server; a block is also copied and its SHA-256 computed; how fast R2 gives blocks to one isolate is
 * an assumption.
 */
export const speeds = { multiplyAdds: 10e9, checkedBytes: 1e9, readBytes: 200e6 } as const;

/** What a pair costs beside its product, in multiply-adds, as plans have it. */
const PAIR_OVERHEAD = 64;

/** What a request costs a Durable Object, and each of its SQL statements, in milliseconds: an assumption. */
export const objectCosts = { request: 0.5, statement: 0.05 } as const;

/** Milliseconds that a shard takes an isolate that is not slow. */
export function shardMs({ stage, count, gallery: range }: ClaimedShard, sizes: Sizes): number {
  const { gallery, dimension, identities } = sizes;
  const items = range?.count ?? gallery;
  const bytes = 4 * dimension * items;
  const blocks = Math.ceil(bytes / 2 ** 21);
  // Blocks with a correct match: they are read for the match's distance, and all are to count what is before it.
  const matched = bytes * (1 - (1 - 1 / blocks) ** ((count * items) / identities));
  const labels = 8 * (gallery + sizes.queries);
  const adds = stage === 'ranking' && range !== undefined;
  const read =
    labels + (adds ? 0 : stage === 'matches' ? matched : stage === 'counts' ? bytes : bytes + matched);
  const multiplyAdds = adds || stage === 'matches' ? 0 : count * items * (dimension + PAIR_OVERHEAD);
  return 1000 * (multiplyAdds / speeds.multiplyAdds + read / speeds.checkedBytes + read / speeds.readBytes);
}
