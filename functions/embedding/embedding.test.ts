import { runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeEach, expect, inject, test } from 'vitest';
import type { Bindings } from '../environment.ts';
import { findEvaluation, orderOf } from '../evaluation/catalogue.ts';
import type { Evaluation } from '../evaluation/evaluation.ts';
import { PICTURES_PER_SHARD } from '../limits.ts';
import { findSet } from '../sets/catalogue.ts';
import { tarOf } from '../test/archives.ts';
import { fromBase64, owned, send, sendJson, withoutPixels } from '../test/client.ts';
import { deliverMessages, rebind, type Sent } from '../test/evaluations.ts';
import { evaluationAtEnd, startEvaluation } from '../test/sets.ts';

const COUNT = 2 * PICTURES_PER_SHARD + 10;
const digits = inject('digits').flatMap((files) => files.map(fromBase64));
const RULE = { protocol: 'all', distance: 'cosine', model: 'mnist-wide' } as const;

beforeEach(async () => {
  const files = Object.fromEntries(
    digits.slice(0, COUNT).map((png, i) => [`${Math.floor(i / 20)}/${i}.png`, png]),
  );
  // One whose header is whole and whose pixels are not there: that shows when it is embedded.
  files['3/0-broken.png'] = withoutPixels(digits[0]);
  const { status, body } = await send('PUT', '/v1/sets/digits?names=folders', tarOf(files));
  expect([status < 300, body.error]).toEqual([true, undefined]);
});

/** An evaluation of the digits against themselves whose messages go into a list, for the test to deliver. */
async function started() {
  const set = await findSet(owned, 'digits');
  const id = crypto.randomUUID();
  await env.CATALOGUE.prepare('DELETE FROM embedded_sets').run();
  const model = (await send('GET', `/v1/models/${RULE.model}`)).body;
  await env.CATALOGUE.prepare(
    `INSERT INTO evaluations (id, state, query_set, query_sha256, query_count, gallery_set, gallery_sha256,
       gallery_count, dimension, protocol, distance, version, created_at, query_kind, gallery_kind, model,
       model_sha256)
       VALUES (?1, 'queued', 'digits', ?2, ?3, 'digits', ?2, ?3, ?4, 'all', 'cosine', '0', ?5, 'pictures',
         'pictures', ?6, ?7)`,
  )
    .bind(id, set?.sha256, COUNT + 1, 512, new Date().toISOString(), RULE.model, model.sha256)
    .run();
  const { manifest } = model as unknown as { manifest: { embedding: { dimension: number } } };
  await env.CATALOGUE.prepare('UPDATE evaluations SET dimension = ? WHERE id = ?')
    .bind(manifest.embedding.dimension, id)
    .run();
  const row = await findEvaluation(env, id);
  if (row === null) throw new Error('The evaluation was not recorded.');
  const stub = env.EVALUATIONS.get(env.EVALUATIONS.idFromName(id));
  const sent: Sent[] = [];
  const SHARDS = {
    sendBatch: async (messages: { body: Sent }[]) => {
      sent.push(...messages.map(({ body }) => body));
    },
  };
  await rebind(stub, { SHARDS: SHARDS as unknown as Bindings['SHARDS'] });
  await runInDurableObject(stub, (instance: Evaluation) => instance.start(id, orderOf(row)));
  const next = () => sent.splice(0);
  const progress = () => runInDurableObject(stub, (instance: Evaluation) => instance.progress());
  return { id, stub, next, progress };
}

test('pictures first, then putting together, then ranking; twice or late, each counts once', async () => {
  const { id, next, progress } = await started();
  const embedding = next();
  expect(embedding.map(({ shard }) => shard)).toEqual([0, 1, 2]);
  expect((await progress())?.stages).toEqual([
    { stage: 'embedding', done: 0, total: 3 },
    { stage: 'collection', done: 0, total: 1 },
  ]);
  await deliverMessages(embedding[2], embedding[0], embedding[2], embedding[0]);
  expect(next()).toEqual([]);
  await deliverMessages(embedding[1]);
  const collection = next();
  expect(collection.map(({ shard }) => shard)).toEqual([3]);
  await deliverMessages(...collection, ...collection, embedding[1]);
  const ranking = next();
  expect((await progress())?.stages.map(({ stage }) => stage)).toEqual([
    'embedding',
    'collection',
    'ranking',
  ]);
  await deliverMessages(...ranking, ...collection);
  const { body } = await send('GET', `/v1/evaluations/${id}`);
  expect(body.state).toBe('succeeded');
  expect(body.result).toMatchObject({
    pictures: { query: { embedded: COUNT, failed: 1, errors: [{ index: COUNT, path: '3/0-broken.png' }] } },
  });

  // The same through the queue, with another cut of the pictures in the same cache: to the last bit.
  await env.CATALOGUE.prepare('DELETE FROM embedded_sets').run();
  const again = await evaluationAtEnd(await startEvaluation({ query: 'digits', gallery: 'digits', ...RULE }));
  expect(again.result).toEqual(body.result);
}, 60_000);

test('cancelled while pictures are embedded, nothing more is sent', async () => {
  const { id, next, progress } = await started();
  const [first, ...others] = next();
  await deliverMessages(first);
  expect((await sendJson('POST', `/v1/evaluations/${id}/cancel`, {})).body.state).toBe('cancelled');
  await deliverMessages(...others);
  expect(next()).toEqual([]);
  expect((await progress())?.outcome?.state).toBe('cancelled');
  expect(await env.CATALOGUE.prepare('SELECT COUNT(*) AS n FROM embedded_sets').first('n')).toBe(0);
});

test('where the ranking cannot be planned, it is tried again, and fails in the end', async () => {
  const { id, stub, next, progress } = await started();
  await deliverMessages(...next());
  const broken = { get: () => Promise.reject(new Error('R2 is away')) };
  const collection = next();
  await rebind(stub, { STORE: broken as unknown as R2Bucket });
  for (let attempt = 0; attempt < 4; attempt++) {
    await deliverMessages(...(attempt === 0 ? collection : next()));
    expect((await progress())?.outcome).toBeUndefined();
  }
  await deliverMessages(...next());
  const { body } = await send('GET', `/v1/evaluations/${id}`);
  expect(body.state).toBe('failed');
  expect(body.error.message).toMatch(
    /\(collection, sets 0 to 0\) failed 5 times\. The last time: R2 is away/,
  );

  const other = await started();
  await deliverMessages(...other.next());
  const again = other.next();
  await rebind(other.stub, { STORE: broken as unknown as R2Bucket });
  await deliverMessages(...again);
  await rebind(other.stub, { STORE: env.STORE });
  await deliverMessages(...other.next());
  await deliverMessages(...other.next());
  expect((await other.progress())?.outcome?.state).toBe('succeeded');
}, 60_000);
