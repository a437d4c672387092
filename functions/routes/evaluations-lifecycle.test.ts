import { env } from 'cloudflare:workers';
import { createRandom } from '@softmargin/shared/random.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { quantised, randomSet } from '../../test/slow-evaluation.ts';
import { send, sendJson } from '../test/client.ts';
import { storageOf, withoutQueue } from '../test/evaluations.ts';
import { evaluationAtEnd, startEvaluation, uploadSet } from '../test/sets.ts';

const random = createRandom(11);
const query = randomSet(random, 1100, 6, quantised);
const gallery = randomSet(random, 300, 6, quantised);
const request = { query: 'q', gallery: 'g', protocol: 'none', distance: 'cosine' };

beforeAll(async () => {
  await uploadSet('q', query);
  await uploadSet('g', gallery);
});

function keyed(key: string, body: object = request) {
  return sendJson('POST', '/v1/evaluations', body, { 'Idempotency-Key': key });
}

describe('Idempotency-Key', () => {
  test('the same request again is the same evaluation, also when it has ended', async () => {
    const first = await keyed('once');
    expect(first.status).toBe(202);
    const second = await keyed('once');
    expect(second.status).toBe(200);
    expect(second.body.id).toBe(first.body.id);
    expect(second.headers.get('Location')).toBe(`/v1/evaluations/${first.body.id}`);
    const { result } = await evaluationAtEnd(`/v1/evaluations/${first.body.id}`);
    const third = await keyed('once', { distance: 'cosine', protocol: 'none', gallery: 'g', query: 'q' });
    expect(third.body).toMatchObject({ id: first.body.id, state: 'succeeded', result });
    expect((await keyed('another')).body.id).not.toBe(first.body.id);
  });

  test('of ten requests that race, all get one evaluation', async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => keyed('race')));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(answers.filter(({ status }) => status === 202)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(9);
    const rows = await env.CATALOGUE.prepare(
      "SELECT COUNT(*) AS n FROM evaluations WHERE idempotency_key = 'race'",
    ).first('n');
    expect(rows).toBe(1);
    expect((await evaluationAtEnd(`/v1/evaluations/${answers[0].body.id}`)).state).toBe('succeeded');
  });

  test('a set that is gone since does not matter to the second request', async () => {
    await uploadSet('fleeting', query);
    const { body } = await keyed('gone', { ...request, query: 'fleeting' });
    await env.CATALOGUE.prepare("DELETE FROM sets WHERE name = 'fleeting'").run();
    expect((await keyed('gone', { ...request, query: 'fleeting' })).body.id).toBe(body.id);
  });

  test('with another request it is refused, and names the key', async () => {
    const { body: first } = await keyed('mine');
    const { status, body } = await keyed('mine', { ...request, distance: 'euclidean' });
    expect(status).toBe(422);
    expect(body.error).toMatchObject({ param: 'Idempotency-Key', code: 'idempotency_key_reused' });
    expect(body.error.message).toContain(first.id);
  });

  test('a request whose evaluation was recorded and not planned is taken up again', async () => {
    const { body } = await keyed('interrupted');
    await evaluationAtEnd(`/v1/evaluations/${body.id}`);
    await env.EVALUATIONS.get(env.EVALUATIONS.idFromName(body.id)).discard();
    await env.CATALOGUE.prepare(
      "UPDATE evaluations SET state = 'queued', result = NULL, finished_at = NULL, created_at = ? WHERE id = ?",
    )
      .bind(new Date(Date.now() - 3_600_000).toISOString(), body.id)
      .run();
    const lost = await send('GET', `/v1/evaluations/${body.id}`);
    expect(lost.body).toMatchObject({ state: 'failed', error: { code: 'not_started' } });
    expect((await keyed('interrupted')).body.id).toBe(body.id);
    expect((await evaluationAtEnd(`/v1/evaluations/${body.id}`)).state).toBe('succeeded');
  });

  test.each([
    ['empty', ''],
    ['too long', 'x'.repeat(256)],
    ['not printable', 'a\u00e9b'],
  ])('one that is %s is refused', async (_, key) => {
    const { status, body } = await keyed(key);
    expect(status).toBe(400);
    expect(body.error.param).toBe('Idempotency-Key');
  });
});

describe('cancel and delete', () => {
  test('a cancelled evaluation stays cancelled, whatever its workers bring', async () => {
    const { id, stub, deliver } = await withoutQueue(query, gallery);
    await deliver(0);
    const { status, body } = await send('POST', `/v1/evaluations/${id}/cancel`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ state: 'cancelled', finishedAt: expect.any(String) });
    expect(body.progress.shards).toEqual({ done: 1, total: 3 });
    await deliver(1, 2);
    const again = await send('POST', `/v1/evaluations/${id}/cancel`);
    expect(again.status).toBe(200);
    expect(again.body).toEqual(body);
    expect(body.result).toBeUndefined();
    expect(await storageOf(stub)).toMatchObject({ alarm: null });
  });

  test('one that has ended is not cancelled any more', async () => {
    const path = await startEvaluation(request);
    const end = await evaluationAtEnd(path);
    const { status, body } = await send('POST', `${path}/cancel`);
    expect(status).toBe(409);
    expect(body.error).toMatchObject({ param: 'id', code: 'evaluation_finished' });
    expect(body.error.message).toContain('succeeded');
    expect((await send('GET', path)).body).toEqual(end);
  });

  test('a deleted evaluation leaves nothing, also where it runs', async () => {
    const { id, stub, deliver } = await withoutQueue(query, gallery);
    await deliver(0);
    expect((await send('DELETE', `/v1/evaluations/${id}`)).status).toBe(204);
    expect((await send('GET', `/v1/evaluations/${id}`)).status).toBe(404);
    expect((await send('DELETE', `/v1/evaluations/${id}`)).status).toBe(404);
    await deliver(0, 1, 2);
    expect(await storageOf(stub)).toEqual({ tables: [], alarm: null });
  });

  test('a key is free again when its evaluation is deleted', async () => {
    const { body } = await keyed('reused');
    await send('DELETE', `/v1/evaluations/${body.id}`);
    const again = await keyed('reused', { ...request, distance: 'euclidean' });
    expect(again.status).toBe(202);
    expect(again.body.id).not.toBe(body.id);
  });

  test.each([
    ['POST', '/cancel'],
    ['DELETE', ''],
  ])('%s of an unknown evaluation is 404', async (method, path) => {
    const answer = await send(method, `/v1/evaluations/${crypto.randomUUID()}${path}`);
    expect(answer.status).toBe(404);
  });
});

describe('the list', () => {
  test('is newest first, in pages, and by state', async () => {
    await env.CATALOGUE.prepare('DELETE FROM evaluations').run();
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      const path = await startEvaluation(request);
      ids.unshift((await evaluationAtEnd(path)).id);
    }
    const { id: waiting } = await withoutQueue(query, gallery);
    ids.unshift(waiting);

    const seen: string[] = [];
    let page = (await send('GET', '/v1/evaluations?limit=4')).body;
    seen.push(...page.data.map(({ id }) => id));
    expect(page.hasMore).toBe(true);
    page = (await send('GET', `/v1/evaluations?limit=4&after=${page.lastId}`)).body;
    seen.push(...page.data.map(({ id }) => id));
    expect(page.hasMore).toBe(false);
    expect(seen).toEqual(ids);

    const queued = (await send('GET', '/v1/evaluations?state=queued')).body.data;
    expect(queued.map(({ id }) => id)).toEqual([waiting]);
    expect(queued[0]).toMatchObject({ state: 'queued', progress: { shards: { done: 0, total: 3 } } });
    const [newest] = (await send('GET', '/v1/evaluations?state=succeeded&limit=1')).body.data;
    expect(newest).toEqual((await send('GET', `/v1/evaluations/${newest.id}`)).body);
  });

  test.each([
    ['limit=0', 'limit'],
    ['limit=101', 'limit'],
    ['limit=x', 'limit'],
    ['state=done', 'state'],
    ['after=x', 'after'],
    [`after=${crypto.randomUUID()}`, 'after'],
    ['before=x', 'before'],
  ])('%s is refused', async (search, param) => {
    const { status, body } = await send('GET', `/v1/evaluations?${search}`);
    expect(status).toBe(400);
    expect(body.error.param).toBe(param);
  });
});

test('the finished object names all that its result is made of', async () => {
  const { body: set } = await send('GET', '/v1/sets/q');
  const { body: gallerySet } = await send('GET', '/v1/sets/g');
  expect(await evaluationAtEnd(await startEvaluation(request))).toMatchObject({
    query: { set: 'q', sha256: set.sha256, count: 1100 },
    gallery: { set: 'g', sha256: gallerySet.sha256, count: 300 },
    dimension: 6,
    protocol: 'none',
    distance: 'cosine',
    version: '0.1.0',
    progress: { shards: { done: 3, total: 3 }, etaSeconds: null },
  });
});

describe('a dry run', () => {
  test('tells the plan and the limits, and starts nothing', async () => {
    const count = () => env.CATALOGUE.prepare('SELECT COUNT(*) AS n FROM evaluations').first('n');
    const before = await count();
    const { status, body } = await keyed('dry', { ...request, dryRun: true });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      object: 'evaluation.plan',
      dimension: 6,
      plan: {
        shards: 3,
        // A pair costs 64 multiply-adds beside its product.
        multiplyAdds: 1100 * 300 * (6 + 64),
        bytesRead: 3 * 2 * 300 * 6 * 4,
        stages: [
          {
            ...{ stage: 'ranking', engine: 'kernel', shards: 3 },
            itemsPerShard: { fewest: 1100 - 2 * 512, most: 512 },
          },
        ],
      },
      // A tenth of the 30 s of an invocation.
      speeds: { kernel: { multiplyAddsPerSecond: 7e9, measured: false } },
      limits: {
        shards: 5000,
        shardMultiplyAdds: { kernel: 2.1e10, rows: 9e9 },
        shardQueries: 512,
        shardTimeoutSeconds: 30,
      },
    });
    expect(await count()).toBe(before);
    expect((await keyed('dry')).status).toBe(202);
  });

  test('is refused for what the run is refused for', async () => {
    const { status, body } = await sendJson('POST', '/v1/evaluations', {
      ...request,
      protocol: 'all',
      dryRun: true,
    });
    expect(status).toBe(422);
    expect(body.error.code).toBe('not_the_same_set');
  });
});
