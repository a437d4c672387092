import * as tf from '@tensorflow/tfjs-core';
import type { EmbeddingBlock } from '../../shared/metrics/blocks.ts';
import { type EvaluationRule, type GallerySource, rankShard } from '../../shared/metrics/evaluate.ts';
import { DistanceKernel } from '../../shared/metrics/kernel/distance-kernel.ts';
import { RankingKernel } from '../../shared/metrics/kernel/kernel.ts';
import { KernelScorer } from '../../shared/metrics/kernel/scorer.ts';
import type { CompiledModule } from '../../shared/metrics/kernel/webassembly.ts';
import { readDistances } from '../../shared/metrics/read-distances.ts';
import { summarise } from '../../shared/metrics/summary.ts';
import { peakBytes } from '../peak-bytes.ts';
import { type EmbeddingKind, makeBlock, type SyntheticSet, syntheticSet } from './embeddings.ts';
import { LoopDistances } from './loop-distances.ts';
import { averagePrecisionBySorting } from './sort-based.ts';

/** What is measured, in whichever runtime; each is timed from outside. */
export interface EvaluationSize {
  readonly queries: number;
  readonly gallery: number;
  readonly dimension: number;
  readonly kind: EmbeddingKind;
  /** Whether the gallery is made anew whenever it is read, because it does not fit in memory. */
  readonly streamed: boolean;
}

export const operations = ['prepare', 'product', 'rank', 'sort', 'distances', 'loops'] as const;
export type Operation = (typeof operations)[number];

export interface RankOutcome {
  readonly mAP: number | null;
  readonly peakBytes: number;
}

const RULE: EvaluationRule = { protocol: 'market1501', distance: 'cosine' };
const BLOCK_BYTES = 2 * 1024 * 1024;
/** Queries of one product: its result fits in memory beside them. */
const QUERIES_PER_PRODUCT = 1024;
/** Sorting is slow: it is measured on every so many queries, and the time is scaled up. */
export const SORTED_SHARE = 8;
/** Queries whose whole rows of scores are in memory together. */
const QUERIES_PER_SORT = 64;
/** Queries whose distances in double precision are made. */
const DISTANCE_QUERIES = 64;
/** Market-1501 has 21 gallery items of each of its 750 identities. */
const ITEMS_PER_IDENTITY = 21;

/** Queries and a gallery of one size, and what can be done with them. */
export class EvaluationBench {
  readonly #module: CompiledModule;
  readonly #kernel: RankingKernel;
  readonly #queries: SyntheticSet;
  readonly #block: EmbeddingBlock;
  readonly #gallery: GallerySource;

  constructor(module: CompiledModule, { queries, gallery, dimension, kind, streamed }: EvaluationSize) {
    this.#module = module;
    this.#kernel = new RankingKernel(module);
    const identities = Math.ceil(gallery / ITEMS_PER_IDENTITY);
    this.#queries = syntheticSet(1, queries, dimension, kind, identities);
    this.#block = makeBlock(this.#queries, 0, queries);
    const set = syntheticSet(2, gallery, dimension, kind, identities);
    const rowsPerBlock = Math.floor(BLOCK_BYTES / (4 * dimension));
    const make = (block: number) => {
      const start = block * rowsPerBlock;
      return makeBlock(set, start, Math.min(rowsPerBlock, gallery - start));
    };
    const count = Math.ceil(gallery / rowsPerBlock);
    const blocks = streamed ? undefined : Array.from({ length: count }, (_, block) => make(block));
    this.#gallery = {
      labels: set.labels,
      count: gallery,
      rowsPerBlock,
      read: (block) => blocks?.[block] ?? make(block),
    };
  }

  /** tfjs's product of the same sizes, nothing else: the gallery lies transposed, as it likes it. */
  async product(): Promise<void> {
    const { dimension } = this.#queries;
    const { queries, chunk } = this.#queryTensors();
    for (let block = 0; block * this.#gallery.rowsPerBlock < this.#gallery.count; block++) {
      const { count, features } = await this.#gallery.read(block);
      const items = tf.tensor2d(features, [dimension, count]);
      for (const part of queries) tf.matMul(part, items).dispose();
      items.dispose();
    }
    // One number is read, so that nothing can be left undone.
    const last = tf.matMul(queries[0], chunk);
    last.dataSync();
    tf.dispose([...queries, chunk, last]);
  }

  #queryTensors(): { queries: tf.Tensor2D[]; chunk: tf.Tensor2D } {
    const { count, dimension, features } = this.#block;
    const queries: tf.Tensor2D[] = [];
    for (let start = 0; start < count; start += QUERIES_PER_PRODUCT) {
      const rows = Math.min(QUERIES_PER_PRODUCT, count - start);
      const values = new Float32Array(rows * dimension);
      for (let q = 0; q < rows; q++) {
        for (let k = 0; k < dimension; k++) values[q * dimension + k] = features[k * count + start + q];
      }
      queries.push(tf.tensor2d(values, [rows, dimension]));
    }
    return { queries, chunk: tf.zeros([dimension, 1]) };
  }

  /** Ours: product, ranking and scores. */
  async rank(): Promise<RankOutcome> {
    const { labels } = this.#queries;
    const scores = await rankShard(this.#kernel, RULE, this.#block, labels, this.#gallery);
    const { mAP } = summarise([scores], this.#block.count);
    const run = {
      protocol: RULE.protocol,
      queries: this.#block,
      queryLabels: labels,
      gallery: this.#gallery,
    };
    return { mAP, peakBytes: peakBytes(this.#kernel, run) };
  }

  /** The largest distance of the first queries in double precision, by the kernel. */
  async distances(): Promise<number> {
    const queries = this.#part(0, Math.min(DISTANCE_QUERIES, this.#block.count));
    const kernel = new DistanceKernel(this.#module);
    let largest = 0;
    for await (const block of readDistances(kernel, 'cosine', queries, this.#gallery)(() => true)) {
      for (let q = 0; q < queries.count; q++) largest = Math.max(largest, maximum(block.row(q)));
    }
    return largest;
  }

  /** The same by loops in JavaScript over the same blocks. */
  async loops(): Promise<number> {
    const queries = this.#part(0, Math.min(DISTANCE_QUERIES, this.#block.count));
    const distances = new LoopDistances(queries);
    let largest = 0;
    for (let number = 0; number * this.#gallery.rowsPerBlock < this.#gallery.count; number++) {
      distances.take(await this.#gallery.read(number));
      for (let q = 0; q < queries.count; q++) largest = Math.max(largest, maximum(distances.row(q)));
    }
    return largest;
  }

  /** Some consecutive queries alone. */
  #part(start: number, count: number): EmbeddingBlock {
    const { dimension, features, count: stride } = this.#block;
    const part = new Float32Array(count * dimension);
    for (let k = 0; k < dimension; k++) {
      part.set(features.subarray(k * stride + start, k * stride + start + count), k * count);
    }
    return { start, count, dimension, features: part };
  }

  /** mAP of the first queries by our products and a sort of each one's gallery. */
  async sort(): Promise<number> {
    const count = Math.ceil(this.#block.count / SORTED_SHARE);
    const kernel = new RankingKernel(this.#module);
    const items = this.#gallery.count;
    let valid = 0;
    let sum = 0;
    for (let start = 0; start < count; start += QUERIES_PER_SORT) {
      const rows = Math.min(QUERIES_PER_SORT, count - start);
      kernel.begin(this.#part(start, rows), this.#gallery.rowsPerBlock, 'cosine');
      const scores = await new KernelScorer(kernel, this.#gallery, () => false).locate({
        starts: Int32Array.from({ length: rows + 1 }, (_, q) => q * items),
        items: Int32Array.from({ length: rows * items }, (_, i) => i % items),
      });
      for (let q = 0; q < rows; q++) {
        const row = scores.subarray(q * items, (q + 1) * items);
        const precision = averagePrecisionBySorting(
          row,
          start + q,
          this.#queries.labels,
          this.#gallery.labels,
        );
        if (precision === undefined) continue;
        valid++;
        sum += precision;
      }
    }
    return sum / valid;
  }
}

function maximum(row: Float64Array): number {
  let largest = row[0];
  for (let j = 1; j < row.length; j++) if (row[j] > largest) largest = row[j];
  return largest;
}

/** One runtime's bench, which is asked for one operation after the other. */
export class EvaluationOperator {
  readonly #module: CompiledModule;
  #bench: EvaluationBench | undefined;

  constructor(module: CompiledModule) {
    this.#module = module;
  }

  async operate(operation: Operation, size: EvaluationSize): Promise<RankOutcome | undefined> {
    if (operation === 'prepare') {
      this.#bench = new EvaluationBench(this.#module, size);
      return undefined;
    }
    if (this.#bench === undefined) throw new Error('Nothing is prepared.');
    if (operation === 'rank') return this.#bench.rank();
    await this.#bench[operation]();
    return undefined;
  }
}
