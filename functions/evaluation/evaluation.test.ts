import { createMessageBatch, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { type EvaluationRule, evaluate } from '@softmargin/shared/metrics/evaluate.ts';
import { createRandom } from '@softmargin/shared/random.ts';
import { beforeEach, expect, test, vi } from 'vitest';
import { quantised, randomSet } from '../../test/slow-evaluation.ts';
import worker from '../index.ts';
import { MAX_SHARD_LOSSES, SHARD_TIMEOUT_MS } from '../limits.ts';
import { age, deliverMessages as deliver, withoutQueue } from '../test/evaluations.ts';
import { findEvaluation } from './catalogue.ts';
import type { Evaluation } from './evaluation.ts';
import { rankingKernel } from './kernel.ts';

const rule = { protocol: 'market1501', distance: 'cosine' } as const satisfies EvaluationRule;
const random = createRandom(3);
const query = randomSet(random, 1200, 4, quantised);
const gallery = randomSet(random, 50, 4, quantised);

/** An evaluation of three shards whose messages go nowhere but into a list. */
function startWithoutQueue() {
  return withoutQueue(query, gallery, { rule });
}

let log: ReturnType<typeof vi.spyOn>;
beforeEach(() => {
  log = vi.spyOn(console, 'error').mockReturnValue(undefined);
  return () => log.mockRestore();
});

test('shards may come in any order and twice; each counts once', async () => {
  const { id, stub, sent } = await startWithoutQueue();
  expect(sent.map(({ shard }) => shard)).toEqual([0, 1, 2]);
  const [a, b, c] = sent;
  for (const message of [c, c, a, c, a]) {
    expect((await deliver(message)).explicitAcks).toHaveLength(1);
  }
  expect(await stub.progress()).toMatchObject({ started: true, done: 2, total: 3, outcome: undefined });
  await deliver(b, b);
  await deliver(a, b, c);

  const row = await findEvaluation(env, id);
  expect(row).toMatchObject({ state: 'succeeded', shards_done: 3, shards_total: 3 });
  expect(JSON.parse(row?.result as string)).toEqual(await evaluate(rankingKernel, rule, query, gallery));
  expect(log).not.toHaveBeenCalled();
});

test('two workers on one shard at the same time', async () => {
  const { id, sent } = await startWithoutQueue();
  await Promise.all([deliver(...sent), deliver(...sent), deliver(...sent)]);
  expect((await findEvaluation(env, id))?.state).toBe('succeeded');
});

test('lost messages are sent again by the alarm, and only those', async () => {
  const { id, stub, sent } = await startWithoutQueue();
  await deliver(sent[1]);
  sent.length = 0;
  await age(stub, SHARD_TIMEOUT_MS / 20);
  expect(await runDurableObjectAlarm(stub)).toBe(true);
  expect(sent).toEqual([]);

  await age(stub, SHARD_TIMEOUT_MS);
  expect(await runDurableObjectAlarm(stub)).toBe(true);
  expect(sent.map(({ shard }) => shard)).toEqual([0, 2]);
  await deliver(...sent);
  expect((await findEvaluation(env, id))?.state).toBe('succeeded');
  expect(await runDurableObjectAlarm(stub)).toBe(false);
});

/** Moves one time of a shard. */
function setTime(
  stub: DurableObjectStub<Evaluation>,
  time: 'sent_at' | 'claimed_at',
  shard: number,
  at: number,
) {
  return runInDurableObject(stub, (_, { storage }) => {
    storage.sql.exec(`UPDATE shards SET ${time} = ? WHERE shard = ?`, at, shard);
  });
}

test('a shard that is late is sent once more when none is left to be sent, and then counts once', async () => {
  const { id, stub, sent } = await startWithoutQueue();
  await stub.claim(2);
  await deliver(sent[0]);
  sent.length = 0;
  // Well within the time after which it counts as lost, and far longer than the others took.
  await age(stub, SHARD_TIMEOUT_MS / 2);
  await deliver({ evaluation: id, shard: 1 });
  expect(sent.map(({ shard }) => shard)).toEqual([2]);
  await age(stub, SHARD_TIMEOUT_MS / 2);
  await runDurableObjectAlarm(stub);
  await age(stub, SHARD_TIMEOUT_MS / 2);
  await runDurableObjectAlarm(stub);
  // Twice, and no more before it counts as lost.
  expect(sent.map(({ shard }) => shard)).toEqual([2, 2]);
  await deliver(sent[0], sent[1]);
  const row = await findEvaluation(env, id);
  expect(row).toMatchObject({ state: 'succeeded', shards_done: 3 });
  expect(JSON.parse(row?.result as string)).toEqual(await evaluate(rankingKernel, rule, query, gallery));
  expect(await runDurableObjectAlarm(stub)).toBe(false);
});

test('a message that was overtaken counts as lost, though others are taken meanwhile', async () => {
  const { stub, sent } = await startWithoutQueue();
  const now = Date.now();
  sent.length = 0;
  await runInDurableObject(stub, (_, { storage }) => {
    storage.sql.exec('UPDATE shards SET spares = 2');
  });
  // Sent a while ago, as is another that was taken just now: it may still wait for its turn.
  for (const shard of [0, 1, 2]) await setTime(stub, 'sent_at', shard, now - 2 * SHARD_TIMEOUT_MS);
  await setTime(stub, 'claimed_at', 1, now);
  await runDurableObjectAlarm(stub);
  expect(sent).toEqual([]);
  // One that was sent after it is taken: it was lost on its way.
  await setTime(stub, 'sent_at', 1, now - SHARD_TIMEOUT_MS);
  await runDurableObjectAlarm(stub);
  expect(sent.map(({ shard }) => shard)).toEqual([0, 2]);
});

test('a shard that is always lost fails the evaluation, which names it', async () => {
  const { id, stub, sent } = await startWithoutQueue();
  await deliver(sent[0], sent[2]);
  for (let loss = 1; loss <= MAX_SHARD_LOSSES; loss++) {
    expect((await findEvaluation(env, id))?.state).toBe('running');
    await age(stub, SHARD_TIMEOUT_MS * 8);
    await runDurableObjectAlarm(stub);
  }
  const row = await findEvaluation(env, id);
  expect(row).toMatchObject({ state: 'failed', shards_done: 2, result: null });
  expect(JSON.parse(row?.error as string)).toEqual({
    code: 'shard_failed',
    message: 'Shard 1 (ranking, queries 512 to 1023) was brought back by no worker 20 times.',
  });
});

test('a shard that always fails fails the evaluation with its last error', async () => {
  const { id, sent } = await startWithoutQueue();
  const real = env.STORE.get.bind(env.STORE);
  const STORE = { get: (key: string) => (key.startsWith('contents/') ? null : real(key)) };
  for (let attempt = 1; attempt <= 5; attempt++) {
    const batch = createMessageBatch('softmargin-shards', [
      { id: '1', timestamp: new Date(), attempts: 1, body: sent[0] },
    ]);
    await worker.queue(batch, { ...env, STORE: STORE as unknown as R2Bucket });
  }
  const row = await findEvaluation(env, id);
  expect(row?.state).toBe('failed');
  expect(row?.error).toMatch(
    /Shard 0 \(ranking, queries 0 to 511\) failed 5 times\. The last time: The content [0-9a-f]+ is not in R2/,
  );
  // What is still on its way finds nothing to do.
  const result = await deliver(sent[1], sent[2]);
  expect(result.explicitAcks).toHaveLength(2);
  expect((await findEvaluation(env, id))?.shards_done).toBe(0);
});

test('a message that is no shard is dropped, one of an unknown evaluation has no effect', async () => {
  const result = await deliver('noise', { evaluation: 1, shard: 0 }, null, {
    evaluation: crypto.randomUUID(),
    shard: 0,
  });
  expect(result.explicitAcks).toHaveLength(4);
  expect(log).toHaveBeenCalledTimes(3);
});

test('an outcome that cannot be recorded is recorded by the alarm', async () => {
  const { id, stub, sent } = await startWithoutQueue();
  await runInDurableObject(stub, (instance: Evaluation) => {
    const working = (instance as unknown as { env: object }).env;
    const CATALOGUE = {
      prepare: () => {
        throw new Error('The database is away.');
      },
    };
    Object.defineProperty(instance, 'env', { value: { ...working, CATALOGUE }, configurable: true });
  });
  await deliver(...sent);
  expect((await findEvaluation(env, id))?.state).toBe('queued');
  expect(log).toHaveBeenCalled();
  expect(await stub.progress()).toMatchObject({ done: 3, outcome: { state: 'succeeded' } });

  await runInDurableObject(stub, (instance: Evaluation) => {
    Object.defineProperty(instance, 'env', { value: env });
  });
  expect(await runDurableObjectAlarm(stub)).toBe(true);
  expect((await findEvaluation(env, id))?.state).toBe('succeeded');
});

test('the ledger survives the end of its object', async () => {
  const { id, stub, sent } = await startWithoutQueue();
  await deliver(sent[0]);
  const { evictDurableObject } = await import('cloudflare:test');
  await evictDurableObject(stub);
  expect(await stub.progress()).toMatchObject({ done: 1, total: 3 });
  await deliver(sent[1], sent[2]);
  expect((await findEvaluation(env, id))?.state).toBe('succeeded');
});

test('scores of other queries than the shard’s are not taken', async () => {
  const { stub } = await startWithoutQueue();
  const { QueryScores } = await import('@softmargin/shared/metrics/scores.ts');
  await runInDurableObject(stub, async (instance: Evaluation) => {
    await expect(instance.complete(0, { scores: new QueryScores(0, 5).encode() })).rejects.toThrow(
      'of queries 0 to 4',
    );
    await expect(instance.complete(0, { scores: new Uint8Array(3) })).rejects.toThrow(RangeError);
  });
  expect(await stub.progress()).toMatchObject({ done: 0 });
});
