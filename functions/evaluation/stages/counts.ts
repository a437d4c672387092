import { bindSets } from '@softmargin/shared/metrics/evaluate-sets.ts';
import { addCounts, type GalleryRange } from '@softmargin/shared/metrics/gallery-ranges.ts';
import { RankingKernel } from '@softmargin/shared/metrics/kernel/kernel.ts';
import { KernelScorer } from '@softmargin/shared/metrics/kernel/scorer.ts';
import type { Protocol } from '@softmargin/shared/metrics/protocols.ts';
import { scoreMatches } from '@softmargin/shared/metrics/rank.ts';
import type { QueryScores } from '@softmargin/shared/metrics/scores.ts';
import { rankingKernel } from '../kernel.ts';
import { cutGallery } from './gallery-shards.ts';
import { foundMatches } from './matches.ts';
import { workPerPair } from './query-shards.ts';
import type { Assignment, Stage, Subject } from './stage.ts';

/** Of a gallery that is cut: counts the items of one range of it that stand before each match. */
export const counts: Stage = {
  items: 'queries',

  plan(subject: Subject) {
    const shards = cutGallery(subject);
    if (shards === undefined) return undefined;
    const pairs = subject.galleryLabels.identities.length * subject.queryLabels.identities.length;
    const items = shards.reduce((sum, { count }) => sum + count, 0);
    const workPerItem = (pairs / items) * workPerPair(subject);
    return { engine: 'kernel', shards, workPerItem, reads: { query: 0, gallery: 1 } };
  },

  async work(assignment: Assignment) {
    const { order, shard, query, gallery } = assignment;
    const source = gallery.gallery(await gallery.labels());
    const { protocol } = bindSets(order, await query.labels(), source.labels);
    const { matches: found } = await foundMatches(protocol, assignment);
    const kernel = new RankingKernel(rankingKernel);
    kernel.begin(await query.rows(shard.start, shard.count), source.rowsPerBlock, order.distance);
    const scorer = new KernelScorer(kernel, source, protocol.drops, shard.gallery as GalleryRange);
    return { before: new Uint8Array((await scorer.countBefore(found, found.scores)).buffer) };
  },

  check({ before }) {
    if (before.length % Int32Array.BYTES_PER_ELEMENT !== 0) {
      throw new RangeError(`${before.length} bytes are not a row of counts.`);
    }
  },
};

/** Scores the queries of a shard, from what was counted in all ranges. */
export async function addRanges(protocol: Protocol, assignment: Assignment): Promise<QueryScores> {
  const { shard, earlier } = assignment;
  const { matches, ranges } = await foundMatches(protocol, assignment);
  const parts: Int32Array[] = [];
  for await (const { before } of earlier('counts', shard.start)) {
    parts.push(new Int32Array(new Uint8Array(before).buffer));
  }
  if (parts.length !== ranges) throw new RangeError(`Of ${ranges} ranges ${parts.length} were counted.`);
  return scoreMatches(protocol, shard, matches, addCounts(matches.items.length, parts));
}
