import { bindSets, rankPart } from '@softmargin/shared/metrics/evaluate-sets.ts';
import { Kernels } from '@softmargin/shared/metrics/kernel/kernels.ts';
import { ReRankedDistances } from '@softmargin/shared/metrics/re-ranked-distances.ts';
import { readDistances } from '@softmargin/shared/metrics/read-distances.ts';
import { RE_RANKING_QUERIES } from '../../limits.ts';
import { rankingKernel } from '../kernel.ts';
import { setRuleOf } from '../order.ts';
import { foundEncodings } from './encodings.ts';
import { jointSource } from './joint-content.ts';
import { foundNeighbours } from './neighbours.ts';
import { cutQueries } from './query-shards.ts';
import { checkScores, encodePart } from './ranking.ts';
import { type Assignment, rowBytesOf, type Stage, type Subject } from './stage.ts';

/** Ranks the queries by the distances between encodings: the last step of re-ranking. */
export const reRanking: Stage = {
  items: 'queries',

  plan(subject: Subject) {
    if (subject.order.rerank === undefined) return undefined;
    const reads = 2 + Number(subject.order.protocol === 'cuhk03-classic');
    return cutQueries(subject, 'rows', reads, rowBytesOf(subject), RE_RANKING_QUERIES);
  },

  async work(assignment: Assignment) {
    const { order, shard, query, gallery } = assignment;
    const queryLabels = await query.labels();
    const galleryLabels = await gallery.labels();
    const encoded = await foundEncodings(assignment);
    const final = new ReRankedDistances(await foundNeighbours(assignment), encoded, query.index.count);
    const block = await query.rows(shard.start, shard.count);
    const tiles = jointSource(assignment).gallery;
    const kernels = new Kernels(rankingKernel);
    const images = readDistances(kernels.distances, order.distance, block, tiles);
    const part = await rankPart(
      kernels,
      setRuleOf(order),
      bindSets(order, queryLabels, galleryLabels),
      block,
      { ...tiles, labels: galleryLabels },
      { distances: final.read(block, images) },
    );
    return encodePart(part);
  },

  check: checkScores,
};
