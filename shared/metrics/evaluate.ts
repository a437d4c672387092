import type { EmbeddingSet } from '../sets/embedding-set.ts';
import { blockOf, type EmbeddingBlock } from './blocks.ts';
import type { DistanceName } from './distance.ts';
import type { ExclusionRule } from './exclusion-rule.ts';
import { RankingKernel } from './kernel/kernel.ts';
import { KernelScorer } from './kernel/scorer.ts';
import type { CompiledModule } from './kernel/webassembly.ts';
import { bindProtocol, type Labels, type ProtocolName } from './protocols.ts';
import { rankQueries } from './rank.ts';
import type { QueryScores } from './scores.ts';
import { cutShards } from './shards.ts';
import { type EvaluationResult, summarise } from './summary.ts';

export interface EvaluationRule {
  readonly protocol: ProtocolName | ExclusionRule;
  readonly distance: DistanceName;
}

/** A gallery that is read block by block, in ascending order. */
export interface GallerySource {
  readonly labels: Labels;
  readonly count: number;
  readonly rowsPerBlock: number;
  read(block: number): EmbeddingBlock | Promise<EmbeddingBlock>;
}

/**
 * Ranks and scores one block of queries against a gallery: one shard of an evaluation. Of the gallery one
 * block at a time is in memory, and how gallery and queries are cut changes no bit.
 *
 * @param kernel a build of the ranking kernel; see `chooseKernel`.
 */
export function evaluateShard(
  kernel: CompiledModule,
  rule: EvaluationRule,
  queries: EmbeddingBlock,
  queryLabels: Labels,
  gallery: GallerySource,
): Promise<QueryScores> {
  return rankShard(new RankingKernel(kernel), rule, queries, queryLabels, gallery);
}

/** What `evaluateShard` does, with a kernel that is kept for the next. */
export async function rankShard(
  kernel: RankingKernel,
  { protocol: name, distance }: EvaluationRule,
  queries: EmbeddingBlock,
  queryLabels: Labels,
  gallery: GallerySource,
): Promise<QueryScores> {
  const protocol = bindProtocol(name, queryLabels, gallery.labels);
  kernel.begin(queries, gallery.rowsPerBlock, distance);
  return rankQueries(protocol, queries, new KernelScorer(kernel, gallery, protocol.drops));
}

/** Queries in memory at a time; any number gives the same bits. */
export const QUERY_BYTES = 16 * 1024 * 1024;
/** Their correct matches, all together. */
export const MATCHES = 1_000_000;
const BLOCK_BYTES = 2 * 1024 * 1024;

/** Evaluates sets that are in memory: what an evaluation job computes, to the last bit. */
export async function evaluate(
  kernel: CompiledModule,
  rule: EvaluationRule,
  queries: EmbeddingSet,
  gallery: EmbeddingSet,
  progress?: (done: number, total: number) => void,
): Promise<EvaluationResult> {
  return summarise(await rankSets(kernel, rule, queries, gallery, progress), queries.count);
}

/** Ranks sets that are in memory, and scores every query. */
export async function rankSets(
  kernel: CompiledModule,
  rule: EvaluationRule,
  queries: EmbeddingSet,
  gallery: EmbeddingSet,
  progress?: (done: number, total: number) => void,
): Promise<QueryScores[]> {
  const { dimension } = queries;
  if (dimension !== gallery.dimension) {
    throw new RangeError(`Queries have ${dimension} dimensions, the gallery has ${gallery.dimension}.`);
  }
  const rowsPerBlock = Math.max(1, Math.min(gallery.count, Math.floor(BLOCK_BYTES / (4 * dimension))));
  const source: GallerySource = {
    labels: gallery,
    count: gallery.count,
    rowsPerBlock,
    read: (block) => {
      const start = block * rowsPerBlock;
      return blockOf(gallery, start, Math.min(rowsPerBlock, gallery.count - start));
    },
  };
  const shards = cutShards(queries.identities, gallery.identities, {
    queries: Math.ceil(QUERY_BYTES / (4 * dimension)),
    matches: MATCHES,
  });
  const run = new RankingKernel(kernel);
  const parts: QueryScores[] = [];
  for (const { start, count } of shards) {
    parts.push(await rankShard(run, rule, blockOf(queries, start, count), queries, source));
    progress?.(start + count, queries.count);
  }
  return parts;
}
