import { readJointDistances } from '@softmargin/shared/metrics/joint-distances.ts';
import { DistanceKernel } from '@softmargin/shared/metrics/kernel/distance-kernel.ts';
import { encodedCapacity, type ReRankingOptions } from '@softmargin/shared/metrics/re-ranking-options.ts';
import { encodeItems } from '@softmargin/shared/metrics/reciprocal-neighbours.ts';
import { decodeRows, encodeRows, SparseRows } from '@softmargin/shared/metrics/sparse-rows.ts';
import { MAX_PART_BYTES, RE_RANKING_QUERIES } from '../../limits.ts';
import { rankingKernel } from '../kernel.ts';
import { jointRows, jointSource } from './joint-content.ts';
import { foundNeighbours, itemsOf } from './neighbours.ts';
import { cutItems } from './query-shards.ts';
import type { Assignment, Stage, Subject } from './stage.ts';

/** Encodes every item by its reciprocal neighbours: the second step of re-ranking. */
export const encodings: Stage = {
  items: 'items',

  plan(subject: Subject) {
    const { rerank } = subject.order;
    if (rerank === undefined) return undefined;
    const capacity = encodedCapacity(itemsOf(subject), rerank);
    const most = Math.min(RE_RANKING_QUERIES, Math.floor(MAX_PART_BYTES / SparseRows.bytes(1, capacity)));
    return cutItems(subject, 'rows', Math.max(1, most), capacity, { query: 1, gallery: 1 });
  },

  async work(assignment: Assignment) {
    const { order, query, gallery } = assignment;
    const count = query.index.count + gallery.index.count;
    const block = await jointRows(assignment);
    const rows = new SparseRows(block.count, encodedCapacity(count, order.rerank as ReRankingOptions));
    const kernel = new DistanceKernel(rankingKernel);
    const reader = readJointDistances(kernel, order.distance, block, jointSource(assignment));
    await encodeItems(await foundNeighbours(assignment), block, reader, rows, 0);
    return { rows: encodeRows(rows) };
  },

  check({ rows }, { count }) {
    if (new DataView(rows.buffer, rows.byteOffset).getInt32(0, true) !== count) {
      throw new RangeError(`${rows.length} bytes are not the encodings of ${count} items.`);
    }
  },
};

/** What the shards of this stage found, for the one that comes after. */
export async function foundEncodings({ query, gallery, order, earlier }: Assignment): Promise<SparseRows> {
  const count = query.index.count + gallery.index.count;
  const rows = new SparseRows(count, encodedCapacity(count, order.rerank as ReRankingOptions));
  let next = 0;
  for await (const { rows: bytes } of earlier('encodings')) {
    for (const { columns, values } of decodeRows(bytes)) {
      rows.set(next++, columns, (_, place) => values[place]);
    }
  }
  if (next !== count) throw new RangeError(`There are encodings of ${next} of ${count} items.`);
  return rows;
}
