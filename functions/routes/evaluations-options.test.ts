import { env } from 'cloudflare:workers';
import { rankSets } from '@softmargin/shared/metrics/evaluate.ts';
import { compareEvaluations } from '@softmargin/shared/metrics/paired-comparison.ts';
import { queryRecords } from '@softmargin/shared/metrics/per-query.ts';
import { createRandom } from '@softmargin/shared/random.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { quantised, randomSet } from '../../test/slow-evaluation.ts';
import { recordEvaluation } from '../evaluation/catalogue.ts';
import { rankingKernel } from '../evaluation/kernel.ts';
import { ruleSchema } from '../evaluation/order.ts';
import { PLANNING_MS } from '../limits.ts';
import { findSet } from '../sets/catalogue.ts';
import { fetchWorker, owned, send, sendJson } from '../test/client.ts';
import { evaluationAtEnd, startEvaluation, uploadSet } from '../test/sets.ts';

const random = createRandom(81);
const query = randomSet(random, 80, 6, quantised);
const gallery = randomSet(random, 200, 6, quantised);
/** The same queries by another model. */
const other = { ...query, features: query.features.map((value) => value + 0.4 * random.normal()) };
const request = { query: 'q', gallery: 'g', protocol: 'none', distance: 'cosine' };

beforeAll(async () => {
  await uploadSet('q', query);
  await uploadSet('g', gallery);
  await uploadSet('other', other);
});

function post(fields: object, headers = {}) {
  return sendJson('POST', '/v1/evaluations', { ...request, ...fields }, headers);
}

test.each([
  [{ protocol: { drop: [{ sameKamera: true }] } }, 'protocol.drop[0].sameKamera'],
  [{ protocol: { drop: [{ sameCamera: 1 }] } }, 'protocol.drop[0].sameCamera'],
  [{ protocol: { drop: [{}] } }, 'protocol.drop[0]'],
  [{ protocol: { drop: new Array(17).fill({ sameCamera: true }) } }, 'protocol.drop'],
  [{ protocol: 7 }, 'protocol'],
  [{ draws: { repeats: 0 } }, 'draws.repeats'],
  [{ bootstrap: { resamples: 10 } }, 'bootstrap.resamples'],
  [{ rerank: { k1: 0 } }, 'rerank.k1'],
  [{ rerank: { lambda: 2 } }, 'rerank.lambda'],
  [{ topK: 51 }, 'topK'],
  [{ verification: 'yes' }, 'verification'],
])('%j is refused by the name of its field', async (fields, param) => {
  const { status, body } = await post(fields);
  expect(status).toBe(400);
  expect(body.error.param).toBe(param);
});

describe('what the sets do not allow is refused before anything is recorded, also in a dry run', () => {
  test.each([
    [{ protocol: 'veri776-track' }, 'protocol', 'protocol_does_not_fit', /it has no groups/],
    [
      { protocol: { drop: [{ sameGroup: true }] } },
      ...['protocol', 'protocol_does_not_fit'],
      /asks for groups, and the query set has none/,
    ],
  ] as [object, string, string, RegExp][])('%j', async (fields, param, code, message) => {
    const count = () => env.CATALOGUE.prepare('SELECT COUNT(*) AS n FROM evaluations').first('n');
    const before = await count();
    for (const dryRun of [true, false]) {
      const { status, body } = await post({ ...fields, dryRun });
      expect(status).toBe(422);
      expect(body.error).toMatchObject({ param, code, message: expect.stringMatching(message) });
    }
    expect(await count()).toBe(before);
  });

  test('re-ranking that does not fit an isolate: the limit, and what it would take', async () => {
    // Encodings of every item of a thousand neighbours: more than the set itself.
    await uploadSet('many', randomSet(random, 9_000, 2, quantised));
    for (const dryRun of [true, false]) {
      const { status, body } = await post({
        ...{ query: 'many', gallery: 'many', rerank: { k1: 1000 }, dryRun },
      });
      expect(status).toBe(422);
      expect(body.error).toMatchObject({ param: 'rerank', code: 're_ranking_too_large' });
      const [, needed, limit] = /need (\d+) bytes .* limit is (\d+) bytes/.exec(
        body.error.message,
      ) as RegExpExecArray;
      expect(Number(limit)).toBe(64 * 2 ** 20);
      expect(Number(needed)).toBeGreaterThan(Number(limit));
      expect(body.error.message).toContain('9000 queries and 9000 gallery items of 2 dimensions (k1 = 1000,');
    }
  });
});

test('a comparison is that of the scores, and says whether it is more than noise', async () => {
  const [a, b] = await Promise.all(['q', 'other'].map((set) => startEvaluation({ ...request, query: set })));
  const ids = [(await evaluationAtEnd(a)).id, (await evaluationAtEnd(b)).id];
  const { status, body } = await send(
    'GET',
    `/v1/evaluations/${ids[0]}/comparison/${ids[1]}?seed=3&resamples=2000`,
  );
  expect(status).toBe(200);
  const rule = { protocol: 'none', distance: 'cosine' } as const;
  const [ofA, ofB] = await Promise.all(
    [query, other].map(async (set) => queryRecords(await rankSets(rankingKernel, rule, set, gallery), set)),
  );
  const options = { resamples: 2000, seed: 3, confidence: 0.95 };
  const expected = compareEvaluations(ofA, ofB, options);
  expect(body).toMatchObject({ a: ids[0], b: ids[1], ...options, ...JSON.parse(JSON.stringify(expected)) });
  const { summary } = body as unknown as { summary: string[] };
  expect(summary[0]).toMatch(expected.mAP.withinNoise ? /within noise/ : /better by more than noise/);
  const same = await send('GET', `/v1/evaluations/${ids[0]}/comparison/${ids[0]}`);
  expect((same.body as unknown as { summary: string[] }).summary[0]).toMatch(/within noise/);

  const absent = crypto.randomUUID();
  expect((await send('GET', `/v1/evaluations/${ids[0]}/comparison/${absent}`)).body.error).toMatchObject({
    param: 'other',
    code: 'evaluation_not_found',
  });
  const { id } = await evaluationAtEnd(await startEvaluation({ ...request, query: 'g' }));
  const unlike = await send('GET', `/v1/evaluations/${ids[0]}/comparison/${id}`);
  expect([unlike.status, unlike.body.error.code]).toEqual([422, 'evaluations_do_not_pair']);
});

test('figures of pairs are there where pairs were counted', async () => {
  const path = await startEvaluation({ ...request, verification: true });
  await evaluationAtEnd(path);
  const plain = await startEvaluation(request);
  await evaluationAtEnd(plain);
  for (const file of ['roc.svg', 'histogram.svg']) {
    const response = await fetchWorker(`${path}/${file}`);
    expect(response.headers.get('Content-Type')).toBe('image/svg+xml; charset=utf-8');
    expect(await response.text()).toContain('q (80) against g (200), none, cosine');
    const { status, body } = await send('GET', `${plain}/${file}`);
    expect([status, body.error.code]).toEqual([409, 'evaluation_without_verification']);
  }
});

test('the table of a finished evaluation outlives its sets', async () => {
  await uploadSet('passing', query);
  const path = await startEvaluation({ ...request, query: 'passing', topK: 2 });
  await evaluationAtEnd(path);
  const before = await send('GET', `${path}/queries?limit=3`);
  expect((await send('DELETE', '/v1/sets/passing')).status).toBe(200);
  expect((await send('GET', `${path}/queries?limit=3`)).body).toEqual(before.body);
  expect(before.body).toMatchObject({ hasMore: true, lastQuery: 2 });
});

describe('an evaluation whose set goes at the wrong moment', () => {
  test('is not recorded', async () => {
    await uploadSet('going', query);
    const [going, g] = [await findSet(owned, 'going'), await findSet(owned, 'g')];
    if (going === null || g === null) throw new Error('The sets are there.');
    const evaluation = () => ({
      id: crypto.randomUUID(),
      query: going,
      gallery: g,
      rule: ruleSchema.parse({ protocol: 'none', distance: 'cosine' }),
    });
    expect(await recordEvaluation(owned, evaluation())).toBe(true);
    await uploadSet('going', other);
    expect(await recordEvaluation(owned, evaluation())).toBe(false);
    await send('DELETE', '/v1/sets/going');
    expect(await recordEvaluation(owned, evaluation())).toBe(false);
  });
});

test('one that was never planned is listed as failed, and its key starts it again', async () => {
  const key = { 'Idempotency-Key': 'interrupted' };
  const { body: first } = await post({}, key);
  await evaluationAtEnd(`/v1/evaluations/${first.id}`);
  // As a service leaves it that stops between recording and planning.
  await send('DELETE', `/v1/evaluations/${first.id}`);
  const { body: lost } = await post({}, key);
  await evaluationAtEnd(`/v1/evaluations/${lost.id}`);
  const owner = env.EVALUATIONS.get(env.EVALUATIONS.idFromName(lost.id));
  await owner.discard();
  await env.CATALOGUE.prepare(
    "UPDATE evaluations SET state = 'queued', result = NULL, finished_at = NULL, created_at = ? WHERE id = ?",
  )
    .bind(new Date(Date.now() - PLANNING_MS - 1000).toISOString(), lost.id)
    .run();

  const listed = async (state: string) =>
    (await send('GET', `/v1/evaluations?state=${state}&limit=100`)).body.data.map(({ id }) => id);
  expect(await listed('queued')).not.toContain(lost.id);
  expect(await listed('failed')).toContain(lost.id);
  const { status, body } = await post({}, key);
  expect([status, body.id]).toEqual([200, lost.id]);
  expect((await evaluationAtEnd(`/v1/evaluations/${lost.id}`)).state).toBe('succeeded');
});

test('of any number that were never planned, none is on a page of those that are queued', async () => {
  await env.CATALOGUE.prepare(
    `WITH RECURSIVE number (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM number WHERE i < 250)
       INSERT INTO evaluations (id, state, query_set, query_sha256, query_count, gallery_set, gallery_sha256,
         gallery_count, dimension, protocol, distance, version, created_at)
       SELECT printf('%08d-0000-4000-8000-000000000000', i), 'queued', 'gone', 'gone', 1, 'gone', 'gone', 1, 1,
         'none', 'cosine', '0', '2026-01-01T00:00:00.000Z' FROM number`,
  ).run();
  for (let after = ''; ; ) {
    const { body } = await send('GET', `/v1/evaluations?state=queued&limit=100${after}`);
    expect((body.data as unknown as { state: string }[]).filter(({ state }) => state !== 'queued')).toEqual(
      [],
    );
    if (!body.hasMore) break;
    after = `&after=${body.lastId}`;
  }
  await env.CATALOGUE.prepare("DELETE FROM evaluations WHERE query_set = 'gone'").run();
});
