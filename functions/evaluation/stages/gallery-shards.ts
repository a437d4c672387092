import { isStreamed } from '@softmargin/shared/metrics/evaluate-sets.ts';
import { MAX_PART_BYTES, MAX_SHARD_QUERIES, RANGE_QUERY_BYTES } from '../../limits.ts';
import { cutByMatches, workPerPair } from './query-shards.ts';
import type { RangeShard, StagePlan, Subject } from './stage.ts';

/** A located item, or a match, leaves four bytes in the ledger. */
const MATCHES_PER_SHARD = Math.floor(MAX_PART_BYTES / Int32Array.BYTES_PER_ELEMENT) - 2;

/**
 * Cuts a ranking into ranges of queries and ranges of the gallery, where one reading of the gallery is more than a
 * shard should read. First the matches are located in each range, then what stands before them is counted in each,
 * then the counts are added up: three stages, of which the first two have the same shards.
 *
 * @returns the shards, those of one range of queries side by side; `undefined` where the gallery stays whole.
 */
export function cutGallery(subject: Subject): RangeShard[] | undefined {
  const { order, dimension, galleryLabels, rowsPerBlock, capacity } = subject;
  const count = galleryLabels.identities.length;
  const rowBytes = Float32Array.BYTES_PER_ELEMENT * dimension;
  // The nearest are listed, and whole rows of distances made, from the whole gallery.
  if (rowBytes * count <= capacity.readBytes || order.topK > 0 || !isStreamed(order)) return undefined;
  const queries = cutByMatches(subject, {
    queries: Math.max(1, Math.min(MAX_SHARD_QUERIES, Math.floor(RANGE_QUERY_BYTES / rowBytes))),
    matches: MATCHES_PER_SHARD,
  });
  const widest = Math.max(...queries.map((shard) => shard.count));
  const rows = Math.min(
    capacity.work.kernel / (widest * workPerPair(subject)),
    capacity.readBytes / rowBytes,
  );
  const perRange = rowsPerBlock * Math.max(1, Math.floor(rows / rowsPerBlock));
  return queries.flatMap((shard) =>
    Array.from({ length: Math.ceil(count / perRange) }, (_, range) => {
      const start = range * perRange;
      return { ...shard, gallery: { start, count: Math.min(perRange, count - start) } };
    }),
  );
}

/** The last of the three stages: a shard of it adds up what is there of one range of queries. */
export function addingPlan({ galleryLabels }: Subject, cut: readonly RangeShard[]): StagePlan {
  const gallery = { start: 0, count: galleryLabels.identities.length };
  const shards = cut.filter((shard) => shard.gallery?.start === 0);
  return {
    engine: 'reading',
    shards: shards.map(({ start, count }) => ({ start, count, gallery })),
    workPerItem: 0,
    reads: { query: 0, gallery: 0 },
  };
}
