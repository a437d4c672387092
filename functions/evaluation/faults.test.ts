import { runDurableObjectAlarm } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { type EvaluationRule, evaluate } from '@softmargin/shared/metrics/evaluate.ts';
import { createRandom } from '@softmargin/shared/random.ts';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { quantised, randomSet } from '../../test/slow-evaluation.ts';
import { createApp } from '../app.ts';
import type { Bindings } from '../environment.ts';
import { MAX_SHARD_FAILURES, SHARD_TIMEOUT_MS } from '../limits.ts';
import { SetContent } from '../sets/content.ts';
import { storeContent } from '../sets/store-set.ts';
import { AUTHORIZED } from '../test/client.ts';
import { age, deliverMessagesWith, rebind, storageOf, withoutQueue } from '../test/evaluations.ts';
import { evaluationAtEnd, startEvaluation, uploadSet } from '../test/sets.ts';
import { findEvaluation } from './catalogue.ts';
import { rankingKernel } from './kernel.ts';

const rule: EvaluationRule = { protocol: 'none', distance: 'cosine' };
const random = createRandom(41);
const query = randomSet(random, 600, 4, quantised);
const gallery = randomSet(random, 50, 4, quantised);

let log: ReturnType<typeof vi.spyOn>;
beforeEach(() => {
  log = vi.spyOn(console, 'error').mockReturnValue(undefined);
});
afterEach(() => vi.restoreAllMocks());

/** Counts calls to the storage, of whatever kind, and fails one of them. */
class FaultyStorage {
  calls = 0;
  readonly #failing: number;

  /** @param failing the number of the call that fails, from 1. */
  constructor(failing: number) {
    this.#failing = failing;
  }

  /** Bindings whose R2, D1 and queue are the real ones, except for that call. */
  bindings(base: Bindings): Bindings {
    const STORE = {
      get: (key: string) => this.#call(() => base.STORE.get(key)),
      put: (key: string, value: ArrayBuffer) => this.#call(() => base.STORE.put(key, value)),
    };
    const CATALOGUE = { prepare: (query: string) => this.#statement(base.CATALOGUE.prepare(query)) };
    const SHARDS = {
      sendBatch: (...parameters: Parameters<Bindings['SHARDS']['sendBatch']>) =>
        this.#call(() => base.SHARDS.sendBatch(...parameters)),
    };
    return { ...base, STORE, CATALOGUE, SHARDS } as unknown as Bindings;
  }

  #statement(statement: D1PreparedStatement): object {
    return {
      bind: (...values: unknown[]) => this.#statement(statement.bind(...values)),
      first: (column?: string) =>
        this.#call(() => (column === undefined ? statement.first() : statement.first(column))),
      run: () => this.#call(() => statement.run()),
      all: () => this.#call(() => statement.all()),
    };
  }

  async #call<T>(call: () => Promise<T>): Promise<T> {
    this.calls++;
    if (this.calls === this.#failing) throw new Error('The storage is away.');
    return call();
  }
}

describe('storage errors, one at each call in turn', () => {
  test('while the shards run: the same bits', { timeout: 60_000 }, async () => {
    const expected = await evaluate(rankingKernel, rule, query, gallery);
    let failing = 0;
    let faulty: FaultyStorage;
    do {
      failing++;
      faulty = new FaultyStorage(failing);
      const { id, stub, sent } = await withoutQueue(query, gallery);
      const SHARDS = {
        sendBatch: async (batch: { body: (typeof sent)[0] }[]) => sent.push(...batch.map(({ body }) => body)),
      };
      const bindings = faulty.bindings({ ...env, SHARDS: SHARDS as unknown as Bindings['SHARDS'] });
      await rebind(stub, bindings);
      for (let round = 0; round < 6 && (await findEvaluation(env, id))?.state !== 'succeeded'; round++) {
        await deliverMessagesWith(bindings, ...sent.splice(0));
        await age(stub, 10 * SHARD_TIMEOUT_MS);
        await runDurableObjectAlarm(stub);
      }
      const row = await findEvaluation(env, id);
      expect(row, `with call ${failing} failing`).toMatchObject({ state: 'succeeded', shards_done: 2 });
      expect(JSON.parse(row?.result as string)).toEqual(expected);
      expect((await storageOf(stub)).alarm).toBeNull();
    } while (failing <= faulty.calls);
    expect(failing).toBeGreaterThan(10);
  });

  test('while it is asked for: an error, and the same request again is the one evaluation', {
    timeout: 60_000,
  }, async () => {
    await uploadSet('q', query);
    await uploadSet('g', gallery);
    let failing = 0;
    let faulty: FaultyStorage;
    do {
      failing++;
      faulty = new FaultyStorage(failing);
      const key = `faulty ${failing}`;
      const post = (bindings: Bindings) =>
        createApp().request(
          '/v1/evaluations',
          {
            method: 'POST',
            headers: { ...AUTHORIZED, 'Content-Type': 'application/json', 'Idempotency-Key': key },
            body: JSON.stringify({ query: 'q', gallery: 'g', ...rule }),
          },
          bindings,
        );
      const first = await post(faulty.bindings(env));
      const failed = failing <= faulty.calls;
      expect(first.status).toBe(failed ? 500 : 202);
      const second = await post(env);
      expect([200, 202]).toContain(second.status);
      const { id } = await second.json<{ id: string }>();
      const end = await evaluationAtEnd(`/v1/evaluations/${id}`);
      expect(end.state).toBe('succeeded');
      const rows = env.CATALOGUE.prepare('SELECT COUNT(*) AS n FROM evaluations WHERE idempotency_key = ?');
      expect(await rows.bind(key).first('n')).toBe(1);
    } while (failing <= faulty.calls);
    expect(failing).toBeGreaterThan(4);
  });
});

describe('a block that changed in R2', () => {
  test.each(['query', 'gallery'] as const)(
    'of the %s: bounded attempts, and the block is named',
    async (which) => {
      // Sets of this test alone: blocks that two sets share are stored once.
      const sets = {
        query: randomSet(random, 30, 4, quantised),
        gallery: randomSet(random, 70, 4, quantised),
      };
      const { id, deliver } = await withoutQueue(sets.query, sets.gallery);
      const { sha256 } = await storeContent(env.STORE, sets[which]);
      const { index } = await SetContent.open(env.STORE, sha256);
      const key = `contents/${index.blocks[0]}`;
      const bytes = new Uint8Array(await ((await env.STORE.get(key)) as R2ObjectBody).arrayBuffer());
      bytes[5] ^= 1;
      await env.STORE.put(key, bytes);

      for (let attempt = 1; attempt <= MAX_SHARD_FAILURES; attempt++) {
        expect((await findEvaluation(env, id))?.state).not.toBe('failed');
        await deliver(0);
      }
      const row = await findEvaluation(env, id);
      expect(row?.state).toBe('failed');
      expect(JSON.parse(row?.error as string)).toEqual({
        code: 'shard_failed',
        message: `Shard 0 (ranking, queries 0 to 29) failed 5 times. The last time: The content ${index.blocks[0]} in R2 is corrupted (block 0 of set ${sha256}).`,
      });
    },
  );
});

test('an alarm that throws sets the next, and the evaluation ends', async () => {
  const { id, stub, sent, deliver } = await withoutQueue(query, gallery);
  await deliver(0);
  sent.length = 0;
  await rebind(stub, { SHARD_TIMEOUT_MS: 'soon' });
  for (let i = 0; i < 3; i++) {
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect((await storageOf(stub)).alarm).toBeGreaterThan(0);
  }
  expect(log).toHaveBeenCalledTimes(3);
  await rebind(stub, { SHARD_TIMEOUT_MS: '1000' });
  await age(stub, SHARD_TIMEOUT_MS);
  await runDurableObjectAlarm(stub);
  expect(sent.map(({ shard }) => shard)).toEqual([1]);
  await deliver(1);
  expect((await findEvaluation(env, id))?.state).toBe('succeeded');
});

test('a shard that comes late, after it was sent and done again, counts once', async () => {
  const { id, stub, sent, deliver } = await withoutQueue(query, gallery);
  await age(stub, SHARD_TIMEOUT_MS);
  await runDurableObjectAlarm(stub);
  expect(sent.map(({ shard }) => shard)).toEqual([0, 1, 0, 1]);
  await deliver(0, 1);
  const before = await findEvaluation(env, id);
  await deliver(0, 1);
  expect(await findEvaluation(env, id)).toEqual(before);
  expect(JSON.parse(before?.result as string)).toEqual(await evaluate(rankingKernel, rule, query, gallery));
});

test('two hundred small jobs at once all succeed', { timeout: 180_000 }, async () => {
  await uploadSet('small-q', randomSet(random, 20, 4, quantised));
  await uploadSet('small-g', gallery);
  const request = { query: 'small-q', gallery: 'small-g', ...rule };
  const paths = await Promise.all(Array.from({ length: 200 }, () => startEvaluation(request)));
  const ends = [];
  for (const path of paths) ends.push(await evaluationAtEnd(path));
  expect(new Set(ends.map(({ id }) => id)).size).toBe(200);
  expect(new Set(ends.map(({ state }) => state))).toEqual(new Set(['succeeded']));
  expect(new Set(ends.map(({ result }) => JSON.stringify(result))).size).toBe(1);
});
