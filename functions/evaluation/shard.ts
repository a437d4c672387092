import { evaluateShard } from '@softmargin/shared/metrics/evaluate.ts';
import type { QueryScores } from '@softmargin/shared/metrics/scores.ts';
import * as z from 'zod';
import type { Bindings } from '../environment.ts';
import { SetContent } from '../sets/content.ts';
import { rankingKernel } from './kernel.ts';
import type { ShardOrder } from './order.ts';

const messageSchema = z.strictObject({ evaluation: z.uuid(), shard: z.int().nonnegative() });

/** What the queue carries: which shard of which evaluation. What to do is asked of the evaluation. */
export type ShardMessage = z.infer<typeof messageSchema>;

/** Works off shards as the queue delivers them. */
export async function consumeShards(batch: MessageBatch, bindings: Bindings): Promise<void> {
  for (const message of batch.messages) {
    const parsed = messageSchema.safeParse(message.body);
    if (!parsed.success) {
      console.error(`A queue message is not a shard: ${z.prettifyError(parsed.error)}`);
      message.ack();
      continue;
    }
    try {
      await workOff(parsed.data, bindings);
      message.ack();
    } catch (error) {
      // The evaluation itself could not be reached; what went wrong with the shard, it was told.
      console.error(error);
      message.retry();
    }
  }
}

async function workOff({ evaluation, shard }: ShardMessage, { STORE, EVALUATIONS }: Bindings): Promise<void> {
  const owner = EVALUATIONS.get(EVALUATIONS.idFromName(evaluation));
  const order = await owner.claim(shard);
  if (order === undefined) return;
  let scores: Uint8Array;
  try {
    scores = (await rankShard(STORE, order)).encode();
  } catch (error) {
    console.error(error);
    await owner.fail(shard, error instanceof Error ? error.message : String(error));
    return;
  }
  await owner.complete(shard, scores);
}

/** Ranks the queries of a shard. Of the gallery one block at a time is in memory. */
async function rankShard(store: R2Bucket, order: ShardOrder): Promise<QueryScores> {
  const query = await SetContent.open(store, order.query);
  const gallery = await SetContent.open(store, order.gallery);
  const rows = await query.rows(order.start, order.count);
  const source = gallery.gallery(await gallery.labels());
  return evaluateShard(rankingKernel, order, rows, await query.labels(), source);
}
