import type { EmbeddingBlock } from '../shared/metrics/blocks.ts';
import type { EvaluationRule } from '../shared/metrics/evaluate.ts';
import type { RankingKernel } from '../shared/metrics/kernel/kernel.ts';
import { bindProtocol, type Labels } from '../shared/metrics/protocols.ts';

/** A ranking run whose memory is counted. */
export interface CountedRun {
  readonly protocol: EvaluationRule['protocol'];
  readonly queries: EmbeddingBlock;
  readonly queryLabels: Labels;
  readonly gallery: { readonly labels: Labels; readonly count: number; readonly rowsPerBlock: number };
}

/** The items that a run locates: matches, and of queries with any the items left out. */
export function locatedCounts({ protocol: name, queries, queryLabels, gallery }: CountedRun): {
  matches: number;
  located: number;
  longest: number;
} {
  const protocol = bindProtocol(name, queryLabels, gallery.labels);
  let [matches, located, longest] = [0, 0, 0];
  for (let query = queries.start; query < queries.start + queries.count; query++) {
    const own = protocol.matches(query).length;
    const all = own === 0 ? 0 : own + protocol.leftOut(query).length;
    matches += own;
    located += all;
    longest = Math.max(longest, all);
  }
  return { matches, located, longest };
}

/**
 * Bytes of the kernel's memory and of every typed array of a run, each counted as if none was freed before
 * the end; of the gallery one block.
 */
export function peakBytes(kernel: RankingKernel, run: CountedRun): number {
  const { queries, queryLabels, gallery } = run;
  const { matches, located, longest } = locatedCounts(run);
  const labels = 2 * 4 * (queryLabels.identities.length + gallery.count);
  const block = 4 * gallery.rowsPerBlock * queries.dimension;
  const starts = 2 * 4 * (queries.count + 1);
  // Items, kinds and scores; items, scores, left out and counts; the order and its scratch.
  const lists = (4 + 1 + 4) * located + (4 + 4 + 4 + 4) * matches + 2 * 4 * longest;
  const wanted = Math.ceil(gallery.count / gallery.rowsPerBlock);
  const scores = 10 * 8 * queries.count;
  return kernel.bytes + queries.features.byteLength + labels + block + starts + lists + wanted + scores;
}
