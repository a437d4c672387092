import { PARTS_PER_READ } from '../limits.ts';
import { decodeQueries } from './stages/ranking.ts';
import type { Parts } from './stages/stage.ts';

const HEADER = 'query,identity,camera,averagePrecision,firstMatchRank,skipped\n';

/** Reads what up to `limit` shards left of their queries, from number `first` on. */
export type QueryReader = (first: number, limit: number) => Promise<readonly Parts[]>;

/**
 * The score of every query as CSV, written as it is read: some shards at a time, and only as fast as the reader
 * takes it. A skipped query has no average precision and no rank. Numbers are the shortest that read back to
 * the same bits.
 */
export function queryTable(read: QueryReader): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let next = 0;
  return new ReadableStream({
    start(controller) {
      controller.enqueue(encoder.encode(HEADER));
    },
    async pull(controller) {
      const shards = await read(next, PARTS_PER_READ);
      next += shards.length;
      for (const shard of shards) controller.enqueue(encoder.encode(rowsOf(shard)));
      if (shards.length < PARTS_PER_READ) controller.close();
    },
  });
}

function rowsOf(shard: Parts): string {
  let rows = '';
  for (const { query, identity, camera, score } of decodeQueries(shard)) {
    const values = score === undefined ? ',,true' : `${score.averagePrecision},${score.firstMatchRank},false`;
    rows += `${query},${identity},${camera},${values}\n`;
  }
  return rows;
}
