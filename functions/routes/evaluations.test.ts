import { evaluate } from '@softmargin/shared/metrics/evaluate.ts';
import { createRandom } from '@softmargin/shared/random.ts';
import { beforeAll, describe, expect, test } from 'vitest';
import { quantised, randomSet, slowEvaluate } from '../../test/slow-evaluation.ts';
import { rankingKernel } from '../evaluation/kernel.ts';
import { send, sendJson } from '../test/client.ts';
import { evaluationAtEnd, startEvaluation, uploadSet } from '../test/sets.ts';

const random = createRandom(7);
// Many equal distances, by way of small whole numbers: the order of ties is part of the result.
const query = randomSet(random, 120, 6, quantised);
const gallery = randomSet(random, 400, 6, quantised);

beforeAll(async () => {
  await uploadSet('query', query);
  await uploadSet('gallery', gallery);
  await uploadSet('query-again', query);
  await uploadSet('wide', randomSet(random, 5, 7, quantised));
  await uploadSet('nobody', { ...query, identities: new Int32Array(query.count).fill(99) });
});

describe('an evaluation through the queue', () => {
  for (const protocol of ['none', 'market1501'] as const) {
    for (const distance of ['cosine', 'euclidean'] as const) {
      test(`${protocol}, ${distance}: what sorting gives, and the bits of a local evaluation`, async () => {
        const path = await startEvaluation({ query: 'query', gallery: 'gallery', protocol, distance });
        const { state, result, progress } = await evaluationAtEnd(path);
        expect(state).toBe('succeeded');
        expect(progress.shards.done).toBe(progress.shards.total);
        const slow = slowEvaluate({ protocol, distance }, query, gallery);
        expect(result.mAP).toBeCloseTo(slow.mAP as number, 12);
        expect(result.mINP).toBeCloseTo(slow.mINP as number, 12);
        expect(result.cmc).toEqual(slow.cmc);
        expect(result.skippedQueries).toBe(slow.skippedQueries);
        expect(result).toEqual(await evaluate(rankingKernel, { protocol, distance }, query, gallery));
      });
    }
  }

  test('all: a set against itself, also under two names', async () => {
    const rule = { protocol: 'all', distance: 'euclidean' } as const;
    const path = await startEvaluation({ query: 'query', gallery: 'query-again', ...rule });
    expect((await evaluationAtEnd(path)).result).toEqual(await evaluate(rankingKernel, rule, query, query));
  });

  test('queries without a match are counted, not dropped', async () => {
    const request = { query: 'nobody', gallery: 'gallery', protocol: 'none', distance: 'cosine' };
    const { result } = await evaluationAtEnd(await startEvaluation(request));
    expect(result).toMatchObject({ mAP: null, validQueries: 0, skippedQueries: 120 });
  });

  test('the answer describes the evaluation from the beginning', async () => {
    const request = { query: 'query', gallery: 'gallery', protocol: 'none', distance: 'cosine' };
    const { status, body, headers } = await sendJson('POST', '/v1/evaluations', request);
    expect(status).toBe(202);
    expect(headers.get('Location')).toBe(`/v1/evaluations/${body.id}`);
    const sets = (await send('GET', '/v1/sets/query')).body;
    expect(body).toMatchObject({
      object: 'evaluation',
      query: { set: 'query', sha256: sets.sha256, count: 120 },
      gallery: { set: 'gallery', count: 400 },
      protocol: 'none',
      distance: 'cosine',
      createdAt: expect.any(String),
      progress: { shards: { total: 1 } },
    });
    const end = await evaluationAtEnd(`/v1/evaluations/${body.id}`);
    expect(Date.parse(end.finishedAt)).toBeGreaterThanOrEqual(Date.parse(end.createdAt));
  });

  test('a set that is replaced changes nothing in an evaluation that named it before', async () => {
    await uploadSet('changing', query);
    const request = { query: 'changing', gallery: 'gallery', protocol: 'none', distance: 'cosine' };
    const path = await startEvaluation(request);
    await uploadSet('changing', randomSet(random, 3, 6, quantised));
    const { query: described, result } = await evaluationAtEnd(path);
    expect(described.count).toBe(120);
    expect(result).toEqual(
      await evaluate(rankingKernel, { protocol: 'none', distance: 'cosine' }, query, gallery),
    );
  });
});

describe('what is refused', () => {
  const good = { query: 'query', gallery: 'gallery', protocol: 'none', distance: 'cosine' };

  test.each([
    ['no query', { ...good, query: undefined }, 400, 'query'],
    ['a number for a name', { ...good, gallery: 1 }, 400, 'gallery'],
    ['an unknown protocol', { ...good, protocol: 'market' }, 400, 'protocol'],
    ['an unknown distance', { ...good, distance: 'manhattan' }, 400, 'distance'],
    ['an unknown field', { ...good, rerank: true }, 400, 'rerank'],
    ['an unknown query set', { ...good, query: 'absent' }, 404, 'query'],
    ['an unknown gallery set', { ...good, gallery: 'absent' }, 404, 'gallery'],
    ['sets of two dimensions', { ...good, gallery: 'wide' }, 422, 'gallery'],
    ['two sets for "all"', { ...good, protocol: 'all' }, 422, 'gallery'],
  ])('%s', async (_, request, expected, param) => {
    const { status, body } = await sendJson('POST', '/v1/evaluations', request);
    expect(status).toBe(expected);
    expect(body.error.param).toBe(param);
    expect(body.error.message).toMatch(new RegExp(param));
  });

  test('an unknown evaluation', async () => {
    for (const id of ['absent', crypto.randomUUID()]) {
      const { status, body } = await send('GET', `/v1/evaluations/${id}`);
      expect(status).toBe(404);
      expect(body.error.code).toBe('evaluation_not_found');
    }
  });
});
