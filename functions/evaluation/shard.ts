import * as z from 'zod';
import { collectPicturesOf, embedPicturesOf } from '../embedding/run-shard.ts';
import type { Bindings } from '../environment.ts';
import { PARTS_PER_READ } from '../limits.ts';
import { logError } from '../observation/log.ts';
import { bindingsOf, DEFAULT_OWNER, type OwnedBindings } from '../owners.ts';
import { SetContent } from '../sets/content.ts';
import type { Evaluation } from './evaluation.ts';
import type { ShardOrder } from './ledger.ts';
import type { Parts } from './stages/stage.ts';
import { type StageName, stages } from './stages/stages.ts';

const messageSchema = z.strictObject({ evaluation: z.uuid(), shard: z.int().nonnegative() });

/** What the queue carries: which shard of which evaluation. What to do is asked of the evaluation. */
export type ShardMessage = z.infer<typeof messageSchema>;

/** Works off shards as the queue delivers them. */
export async function consumeShards(batch: MessageBatch, bindings: Bindings): Promise<void> {
  for (const message of batch.messages) {
    const parsed = messageSchema.safeParse(message.body);
    if (!parsed.success) {
      logError(`A queue message is not a shard: ${z.prettifyError(parsed.error)}`);
      message.ack();
      continue;
    }
    try {
      await workOff(parsed.data, bindings);
      message.ack();
    } catch (error) {
      // The evaluation itself could not be reached; what went wrong with the shard, it was told.
      logError(error);
      message.retry();
    }
  }
}

async function workOff({ evaluation, shard }: ShardMessage, bindings: Bindings): Promise<void> {
  const { EVALUATIONS } = bindings;
  const owner = EVALUATIONS.get(EVALUATIONS.idFromName(evaluation));
  const claimed = await owner.claim(shard);
  if (claimed === undefined) return;
  let parts: Parts;
  try {
    const owned = bindingsOf(bindings, claimed.order.owner ?? DEFAULT_OWNER);
    parts = await runShard(owned, owner, claimed);
  } catch (error) {
    logError(error);
    await owner.fail(shard, error instanceof Error ? error.message : String(error));
    return;
  }
  await owner.complete(shard, parts);
}

/** Does the work of a shard. */
async function runShard(
  bindings: OwnedBindings,
  owner: DurableObjectStub<Evaluation>,
  claimed: ShardOrder,
): Promise<Parts> {
  const { stage, order, start, count } = claimed;
  const { STORE: store } = bindings;
  if (stage === 'embedding') return embedPicturesOf(bindings, claimed);
  if (stage === 'collection') {
    return collectPicturesOf(bindings, claimed, (first, limit) =>
      Promise.resolve(owner.earlier('embedding', first, limit)),
    );
  }
  return stages[stage].work({
    order,
    shard: { start, count },
    query: await SetContent.open(store, order.query),
    gallery: await SetContent.open(store, order.gallery),
    earlier: (name) => readParts(owner, name as StageName),
  });
}

/** What the shards of a stage left, some at a time. */
async function* readParts(owner: DurableObjectStub<Evaluation>, stage: StageName): AsyncGenerator<Parts> {
  for (let first = 0; ; ) {
    const parts = await owner.earlier(stage, first, PARTS_PER_READ);
    yield* parts;
    if (parts.length < PARTS_PER_READ) return;
    first += parts.length;
  }
}
