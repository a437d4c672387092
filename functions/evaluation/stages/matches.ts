import { bindSets } from '@softmargin/shared/metrics/evaluate-sets.ts';
import { type GalleryRange, joinLocated, listsWithin } from '@softmargin/shared/metrics/gallery-ranges.ts';
import { RankingKernel } from '@softmargin/shared/metrics/kernel/kernel.ts';
import { KernelScorer } from '@softmargin/shared/metrics/kernel/scorer.ts';
import type { Protocol } from '@softmargin/shared/metrics/protocols.ts';
import { LocatedItems, type RankedMatches, rankedMatches } from '@softmargin/shared/metrics/rank.ts';
import { rankingKernel } from '../kernel.ts';
import { cutGallery } from './gallery-shards.ts';
import type { Assignment, Parts, Stage, Subject } from './stage.ts';

/** Of a gallery that is cut: finds the scores of the queries' correct matches in one range of it. */
export const matches: Stage = {
  items: 'queries',

  plan(subject: Subject) {
    const shards = cutGallery(subject);
    if (shards === undefined) return undefined;
    return { engine: 'reading', shards, workPerItem: 0, reads: { query: 0, gallery: 1 } };
  },

  async work({ order, shard, query, gallery }: Assignment) {
    const { start, count } = shard;
    const range = shard.gallery as GalleryRange;
    const source = gallery.gallery(await gallery.labels());
    const { protocol } = bindSets(order, await query.labels(), source.labels);
    const lists = listsWithin(new LocatedItems(protocol, shard), range);
    const kernel = new RankingKernel(rankingKernel);
    kernel.begin(await query.rows(start, count), source.rowsPerBlock, order.distance);
    const scores = await new KernelScorer(kernel, source, protocol.drops, range).locate(lists);
    return { located: encodeLocated(range, scores) };
  },

  check({ located }, { gallery }) {
    const { range } = decodeLocated(located);
    if (range.start !== gallery?.start || range.count !== gallery.count) {
      throw new RangeError(
        `What came is of gallery items ${range.start} to ${range.start + range.count - 1}.`,
      );
    }
  },
};

/** The matches of a shard's queries in ranked order, from what its ranges left, and how many those are. */
export async function foundMatches(
  protocol: Protocol,
  { shard, earlier }: Assignment,
): Promise<{ matches: RankedMatches<Float32Array>; ranges: number }> {
  const parts = [];
  for await (const { located } of earlier('matches', shard.start)) parts.push(decodeLocated(located));
  const located = new LocatedItems(protocol, shard);
  return { matches: rankedMatches(located, joinLocated(located, parts)), ranges: parts.length };
}

/** The range, then the scores. */
function encodeLocated({ start, count }: GalleryRange, scores: Float32Array): Uint8Array {
  const bytes = new Uint8Array(8 + scores.byteLength);
  new Int32Array(bytes.buffer, 0, 2).set([start, count]);
  new Float32Array(bytes.buffer, 8).set(scores);
  return bytes;
}

function decodeLocated(located: Parts[string]): { range: GalleryRange; scores: Float32Array } {
  const { buffer } = new Uint8Array(located);
  const [start, count] = new Int32Array(buffer, 0, 2);
  return { range: { start, count }, scores: new Float32Array(buffer, 8) };
}
