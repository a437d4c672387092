import type { Labels } from '@softmargin/shared/metrics/protocols.ts';
import { QueryScores } from '@softmargin/shared/metrics/scores.ts';
import { SHARDS_PER_READ } from '../limits.ts';

const HEADER = 'query,identity,camera,averagePrecision,firstMatchRank,skipped\n';

/** Reads encoded scores of up to `limit` shards from number `first` on. */
export type ScoreReader = (first: number, limit: number) => Promise<readonly Uint8Array[]>;

/**
 * The score of every query as CSV, written as it is read: some shards at a time, and only as fast as the reader
 * takes it. A skipped query has no average precision and no rank. Numbers are the shortest that read back to
 * the same bits.
 */
export function queryTable(labels: Labels, read: ScoreReader): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let next = 0;
  return new ReadableStream({
    start(controller) {
      controller.enqueue(encoder.encode(HEADER));
    },
    async pull(controller) {
      const shards = await read(next, SHARDS_PER_READ);
      next += shards.length;
      for (const shard of shards)
        controller.enqueue(encoder.encode(rowsOf(QueryScores.decode(shard), labels)));
      if (shards.length < SHARDS_PER_READ) controller.close();
    },
  });
}

function rowsOf(scores: QueryScores, { identities, cameras }: Labels): string {
  let rows = '';
  for (let index = 0; index < scores.count; index++) {
    const query = scores.start + index;
    const { score } = scores.at(index);
    const values = score === undefined ? ',,true' : `${score.averagePrecision},${score.firstMatchRank},false`;
    rows += `${query},${identities[query]},${cameras[query]},${values}\n`;
  }
  return rows;
}
