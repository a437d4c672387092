import type { GalleryRange } from '@softmargin/shared/metrics/gallery-ranges.ts';
import type { Labels } from '@softmargin/shared/metrics/protocols.ts';
import type { Shard } from '@softmargin/shared/metrics/shards.ts';
import type { SetContent } from '../../sets/content.ts';
import type { EvaluationOrder } from '../order.ts';

/** What a finished shard leaves in the ledger, by name. Each is at most what one row of SQLite may hold, 2 MB. */
export type Parts = Readonly<Record<string, Uint8Array>>;

/** What a stage is planned from. */
export interface Subject {
  readonly order: EvaluationOrder;
  readonly queryLabels: Labels;
  readonly galleryLabels: Labels;
  readonly dimension: number;
  /** Rows of a stored block of the gallery. */
  readonly rowsPerBlock: number;
  readonly capacity: ShardCapacity;
}

/** What one shard should do at most. */
export interface ShardCapacity {
  /** Multiply-adds of the engine that it runs on. */
  readonly work: Readonly<Record<Engine, number>>;
  /** Bytes of the gallery that it reads, each time that it reads it. */
  readonly readBytes: number;
}

/** What multiplies: the ranking kernel in float32, or rows of distances in double precision. */
export const engines = ['kernel', 'rows'] as const;

export type Engine = (typeof engines)[number];

/** What a stage does most: multiply on an engine, embed by a network, or read, which are not counted as work. */
export type Effort = Engine | 'network' | 'reading';

/** A shard that may be of one range of the gallery only. */
export interface RangeShard extends Shard {
  /** Of a ranking that is cut into ranges of the gallery: the range, or all of it where they are added up. */
  readonly gallery?: GalleryRange;
}

/** A stage that is planned. */
export interface StagePlan {
  readonly engine: Effort;
  readonly shards: readonly RangeShard[];
  /** Of a single item of a shard (a query, most often), beside what the shard takes as a whole. */
  readonly workPerItem: number;
  /** How often a shard reads the rows of both sets, at most; of the gallery, those of its range. */
  readonly reads: { readonly query: number; readonly gallery: number };
}

/** What a worker has of its shard. */
export interface Assignment {
  readonly order: EvaluationOrder;
  readonly shard: RangeShard;
  readonly query: SetContent;
  readonly gallery: SetContent;
  /** What the shards of an earlier stage left, in their order: all, or those that begin at one item. */
  earlier(stage: string, start?: number): AsyncIterable<Parts>;
}

/** What is known of a stage without running it. */
export interface Step {
  /** What the items of its shards are, in the plural. */
  readonly items: 'queries' | 'items' | 'pictures' | 'sets';
  /** @throws {RangeError} where what a worker brings is not of its shard. */
  check(parts: Parts, shard: RangeShard): void;
}

/**
 * One step of the ranking of an evaluation. The steps come one after the other: all shards of one are done before the next is
 * sent. A shard is a range of consecutive items, does the same whenever and wherever it runs, and how the items
 * are cut into shards changes no bit of the result.
 */
export interface Stage extends Step {
  /** Its shards; `undefined` where an evaluation does not have this stage. */
  plan(subject: Subject): StagePlan | undefined;
  work(assignment: Assignment): Promise<Parts>;
}

/** What a pair of a query and a gallery item costs beside its product, in multiply-adds. */
export const PAIR_OVERHEAD = 64;

/** What each condition of an exclusion rule costs a pair beside. */
export const RULE_OVERHEAD = 256;

/** What a shard that ranks by rows of distances holds of each query: for some protocols, one distance an item. */
export function rowBytesOf({ order, galleryLabels }: Subject): number {
  const holdsRows = order.protocol === 'veri776-track' || order.protocol === 'cuhk03-classic';
  return holdsRows ? Float64Array.BYTES_PER_ELEMENT * galleryLabels.identities.length : 0;
}
