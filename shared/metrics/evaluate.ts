import type { EmbeddingSet } from '../sets/embedding-set.ts';
import { blockOf, type EmbeddingBlock } from './blocks.ts';
import { BlockDistances, type DistanceName } from './distance.ts';
import type { ExclusionRule } from './exclusion-rule.ts';
import { bindProtocol, type Labels, type ProtocolName } from './protocols.ts';
import { rankQueries } from './rank.ts';
import type { QueryScores } from './scores.ts';
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

/** Ranks and scores one block of queries against a gallery: one shard of an evaluation. */
export async function evaluateShard(
  rule: EvaluationRule,
  queries: EmbeddingBlock,
  queryLabels: Labels,
  gallery: GallerySource,
): Promise<QueryScores> {
  const protocol = bindProtocol(rule.protocol, queryLabels, gallery.labels);
  const distances = new BlockDistances(queries, rule.distance);
  return rankQueries(protocol, queries, async function* (wanted) {
    const { count, rowsPerBlock } = gallery;
    for (let block = 0; block * rowsPerBlock < count; block++) {
      const start = block * rowsPerBlock;
      if (wanted(start, Math.min(rowsPerBlock, count - start))) yield distances.to(await gallery.read(block));
    }
  });
}

/** Queries ranked at a time in memory; any number gives the same bits. */
const QUERIES_PER_SHARD = 256;
const ROWS_PER_BLOCK = 1024;

/** Evaluates sets that are in memory: what an evaluation job computes, to the last bit. */
export async function evaluate(
  rule: EvaluationRule,
  queries: EmbeddingSet,
  gallery: EmbeddingSet,
  progress?: (done: number, total: number) => void,
): Promise<EvaluationResult> {
  if (queries.dimension !== gallery.dimension) {
    throw new RangeError(
      `Queries have ${queries.dimension} dimensions, the gallery has ${gallery.dimension}.`,
    );
  }
  const source: GallerySource = {
    labels: gallery,
    count: gallery.count,
    rowsPerBlock: ROWS_PER_BLOCK,
    read: (block) => {
      const start = block * ROWS_PER_BLOCK;
      return blockOf(gallery, start, Math.min(ROWS_PER_BLOCK, gallery.count - start));
    },
  };
  const parts: QueryScores[] = [];
  for (let start = 0; start < queries.count; start += QUERIES_PER_SHARD) {
    const block = blockOf(queries, start, Math.min(QUERIES_PER_SHARD, queries.count - start));
    parts.push(await evaluateShard(rule, block, queries, source));
    progress?.(block.start + block.count, queries.count);
  }
  return summarise(parts, queries.count);
}
