import { countPairs } from '@softmargin/shared/metrics/count-pairs.ts';
import { bindSets } from '@softmargin/shared/metrics/evaluate-sets.ts';
import { DistanceKernel } from '@softmargin/shared/metrics/kernel/distance-kernel.ts';
import { distanceRange, longestRow, PairDistances } from '@softmargin/shared/metrics/pair-distances.ts';
import { readDistances } from '@softmargin/shared/metrics/read-distances.ts';
import { rankingKernel } from '../kernel.ts';
import { cutQueries } from './query-shards.ts';
import { type Assignment, rowBytesOf, type Stage, type Subject } from './stage.ts';

/** Counts pairs of a query and a gallery item by their distance. */
export const pairs: Stage = {
  items: 'queries',

  plan(subject: Subject) {
    if (!subject.order.verification) return undefined;
    // The range of Euclidean distances is known from the longest rows of both sets, which are looked for first.
    const isCosine = subject.order.distance === 'cosine';
    const plan = cutQueries(subject, 'rows', isCosine ? 1 : 2, rowBytesOf(subject));
    return { ...plan, reads: { ...plan.reads, query: isCosine ? 0 : 1 } };
  },

  async work({ order, shard, query, gallery }: Assignment) {
    const { distance } = order;
    const queryLabels = await query.labels();
    const source = gallery.gallery(await gallery.labels());
    const isCosine = distance === 'cosine';
    const longestQuery = isCosine ? 1 : await longestRow(query.gallery(queryLabels));
    const longestItem = isCosine ? 1 : await longestRow(source);
    const { protocol, read } = bindSets(order, queryLabels, source.labels);
    const block = await query.rows(shard.start, shard.count);
    const counts = new PairDistances(distance, distanceRange(distance, longestQuery, longestItem));
    const images = readDistances(new DistanceKernel(rankingKernel), distance, block, source);
    await countPairs(counts, protocol, block, read(images, block));
    return { pairs: counts.encode() };
  },

  check({ pairs: counts }) {
    PairDistances.decode(counts);
  },
};
