import { bindSets, isStreamed, type RankedPart, rankPart } from '@softmargin/shared/metrics/evaluate-sets.ts';
import { Kernels } from '@softmargin/shared/metrics/kernel/kernels.ts';
import type { QueryRecord } from '@softmargin/shared/metrics/per-query.ts';
import { QueryScores } from '@softmargin/shared/metrics/scores.ts';
import { encodeHits } from '@softmargin/shared/metrics/single-gallery-shot.ts';
import { rankingKernel } from '../kernel.ts';
import { setRuleOf } from '../order.ts';
import { addRanges } from './counts.ts';
import { addingPlan, cutGallery } from './gallery-shards.ts';
import { cutQueries } from './query-shards.ts';
import { type Assignment, type Parts, rowBytesOf, type Stage, type Subject } from './stage.ts';

/** Ranks the queries and scores each. */
export const ranking: Stage = {
  items: 'queries',

  plan(subject: Subject) {
    const { order } = subject;
    const cut = cutGallery(subject);
    if (cut !== undefined) return addingPlan(subject, cut);
    // The gallery is read to find the correct matches, to count what is before them, to draw and to list the
    // nearest. The distances to tracks are kept after the first time.
    const reads = 2 + Number(order.protocol === 'cuhk03-classic') + Number(order.topK > 0);
    if (isStreamed(order)) return cutQueries(subject, 'kernel', reads);
    return cutQueries(subject, 'rows', order.protocol === 'veri776-track' ? 1 : reads, rowBytesOf(subject));
  },

  async work(assignment: Assignment) {
    const { order, shard, query, gallery } = assignment;
    const { start, count } = shard;
    const queryLabels = await query.labels();
    const source = gallery.gallery(await gallery.labels());
    const bound = bindSets(order, queryLabels, source.labels);
    const part =
      shard.gallery === undefined
        ? await rankPart(
            new Kernels(rankingKernel),
            setRuleOf(order),
            bound,
            await query.rows(start, count),
            source,
            { topK: order.topK },
          )
        : { scores: await addRanges(bound.protocol, assignment) };
    const labels = [queryLabels.identities, queryLabels.cameras].map((column) => {
      return column.subarray(start, start + count);
    });
    // The queries' labels too: they are part of what is shown, and the set may be deleted.
    return { ...encodePart(part), queries: encodeLabels(labels) };
  },

  check: checkScores,
};

/** Identities, then cameras. */
function encodeLabels(columns: readonly Int32Array[]): Uint8Array {
  return new Uint8Array(Int32Array.from(columns.flatMap((column) => [...column])).buffer);
}

/** The queries of a shard of this stage: their scores and labels. */
export function decodeQueries({ scores, queries }: Parts): QueryRecord[] {
  const decoded = QueryScores.decode(scores);
  const { start, count } = decoded;
  const labels = new Int32Array(new Uint8Array(queries).buffer);
  return Array.from({ length: count }, (_, index) => ({
    query: start + index,
    identity: labels[index],
    camera: labels[count + index],
    score: decoded.at(index).score,
  }));
}

export function encodePart({ scores, hits, nearest }: RankedPart): Parts {
  return {
    scores: scores.encode(),
    ...(hits !== undefined && { hits: encodeHits(hits) }),
    ...(nearest !== undefined && { nearest: nearest.encode() }),
  };
}

export function checkScores({ scores }: Parts, shard: { start: number; count: number }): void {
  const { start, count } = QueryScores.decode(scores);
  if (start !== shard.start || count !== shard.count) {
    throw new RangeError(`What came is of queries ${start} to ${start + count - 1}.`);
  }
}
