import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { createRandom } from '@softmargin/shared/random.ts';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { quantised, randomSet } from '../../test/slow-evaluation.ts';
import { MAX_SHARD_FAILURES, SHARD_TIMEOUT_MS } from '../limits.ts';
import { send } from '../test/client.ts';
import { age, deliverMessagesWith, storageOf, withoutQueue } from '../test/evaluations.ts';
import { findEvaluation } from './catalogue.ts';
import { stageNames } from './stages/stages.ts';

const random = createRandom(61);
const query = randomSet(random, 20, 4, quantised);
const gallery = randomSet(random, 40, 4, quantised);
const rule = {
  protocol: 'none',
  distance: 'cosine',
  verification: true,
  rerank: { k1: 5, k2: 2 },
} as const;

beforeEach(() => {
  const log = vi.spyOn(console, 'error').mockReturnValue(undefined);
  return () => log.mockRestore();
});

/** An evaluation whose next shards are those of a stage. */
async function startedUpTo(stage: (typeof stageNames)[number]) {
  // Cut into ranges of the gallery, of which there is one: so it has every stage.
  const started = await withoutQueue(query, gallery, { rule, variables: { SHARD_READ_BYTES: '1' } });
  const { stub, sent, deliver } = started;
  for (;;) {
    const current = (await stub.progress())?.stages.find(({ done, total }) => done < total)?.stage;
    const shards = sent.splice(0).map(({ shard }) => shard);
    if (current === stage) return { ...started, shards };
    if (shards.length === 0) throw new Error(`The evaluation does not come to ${stage}.`);
    await deliver(...shards);
  }
}

describe.each(stageNames)('in the stage %s', (stage) => {
  test('shards that are lost are sent again, and only those', { timeout: 30_000 }, async () => {
    const { id, stub, sent, shards, deliver } = await startedUpTo(stage);
    await age(stub, SHARD_TIMEOUT_MS);
    await runDurableObjectAlarm(stub);
    expect(sent.map(({ shard }) => shard)).toEqual(shards);
    while (sent.length > 0) await deliver(...sent.splice(0).map(({ shard }) => shard), ...shards);
    // One of each stage, but two of `neighbours` and of `encodings`: of the queries, and of the gallery.
    expect(await findEvaluation(env, id)).toMatchObject({ state: 'succeeded', shards_done: 9 });
  });

  test('cancelling ends it, and leaves nothing behind', { timeout: 30_000 }, async () => {
    const { id, stub, sent, shards, deliver } = await startedUpTo(stage);
    const { status, body } = await send('POST', `/v1/evaluations/${id}/cancel`);
    expect([status, body.state]).toEqual([200, 'cancelled']);
    await deliver(...shards);
    expect(sent).toEqual([]);
    expect(await findEvaluation(env, id)).toMatchObject({ state: 'cancelled', result: null });
    expect((await storageOf(stub)).alarm).toBeNull();
    await runInDurableObject(stub, (_, { storage: { sql } }) => {
      expect(sql.exec('SELECT * FROM parts').toArray()).toEqual([]);
    });
  });

  test('a shard that always fails fails it, by the name of the stage', { timeout: 30_000 }, async () => {
    const { id, shards } = await startedUpTo(stage);
    const STORE = { get: async () => null } as unknown as R2Bucket;
    for (let attempt = 0; attempt < MAX_SHARD_FAILURES; attempt++) {
      await deliverMessagesWith({ ...env, STORE }, { evaluation: id, shard: shards[0] });
    }
    const row = await findEvaluation(env, id);
    expect(row?.state).toBe('failed');
    expect(JSON.parse(row?.error as string).message).toMatch(new RegExp(`^Shard \\d \\(${stage}, `));
  });
});

test('what only later stages need is gone with the end', { timeout: 30_000 }, async () => {
  const { id, stub, shards, sent, deliver } = await startedUpTo('re-ranking');
  await deliver(...shards, ...sent.map(({ shard }) => shard));
  expect((await findEvaluation(env, id))?.state).toBe('succeeded');
  await runInDurableObject(stub, (_, { storage: { sql } }) => {
    const names = sql.exec<{ name: string }>('SELECT name FROM parts ORDER BY name').toArray();
    expect(names.map(({ name }) => name)).toEqual(['queries', 'scores']);
  });
});
