import { readJointDistances } from '@softmargin/shared/metrics/joint-distances.ts';
import { DistanceKernel } from '@softmargin/shared/metrics/kernel/distance-kernel.ts';
import {
  decodeNeighbours,
  encodeNeighbours,
  nearestNeighbours,
} from '@softmargin/shared/metrics/nearest-neighbours.ts';
import { neighbourCount, type ReRankingOptions } from '@softmargin/shared/metrics/re-ranking-options.ts';
import { ReciprocalNeighbours } from '@softmargin/shared/metrics/reciprocal-neighbours.ts';
import { RE_RANKING_QUERIES } from '../../limits.ts';
import { rankingKernel } from '../kernel.ts';
import { jointRows, jointSource } from './joint-content.ts';
import { cutItems } from './query-shards.ts';
import type { Assignment, Stage, Subject } from './stage.ts';

/** Finds the nearest of every query and every gallery item among them all: the first step of re-ranking. */
export const neighbours: Stage = {
  items: 'items',

  plan(subject: Subject) {
    if (subject.order.rerank === undefined) return undefined;
    return cutItems(subject, 'rows', RE_RANKING_QUERIES, itemsOf(subject), { query: 1, gallery: 1 });
  },

  async work(assignment: Assignment) {
    const { order, query, gallery } = assignment;
    const block = await jointRows(assignment);
    const perItem = neighbourCount(query.index.count + gallery.index.count, order.rerank as ReRankingOptions);
    const kernel = new DistanceKernel(rankingKernel);
    const reader = readJointDistances(kernel, order.distance, block, jointSource(assignment));
    return { neighbours: encodeNeighbours(await nearestNeighbours(block, perItem, reader)) };
  },

  check({ neighbours: found }, { count }) {
    if (found.length % count !== 0) {
      throw new RangeError(`${found.length} bytes are not the neighbours of ${count} items.`);
    }
  },
};

export function itemsOf({ queryLabels, galleryLabels }: Subject): number {
  return queryLabels.identities.length + galleryLabels.identities.length;
}

/** What the shards of this stage found, for those that come after. */
export async function foundNeighbours({
  order,
  query,
  gallery,
  earlier,
}: Assignment): Promise<ReciprocalNeighbours> {
  const count = query.index.count + gallery.index.count;
  const found = new ReciprocalNeighbours(count, order.distance, order.rerank as ReRankingOptions);
  let start = 0;
  for await (const { neighbours: bytes } of earlier('neighbours')) {
    const part = decodeNeighbours(bytes, found.perItem);
    found.set(start, part);
    start += part.furthest.length;
  }
  if (start !== count) throw new RangeError(`There are neighbours of ${start} of ${count} items.`);
  return found;
}
