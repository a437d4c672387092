import { env } from 'cloudflare:workers';
import { serialiseNpz } from '@softmargin/shared/sets/npz.ts';
import { expect, test } from 'vitest';
import { createApp } from '../app.ts';
import type { Bindings } from '../environment.ts';
import { recordEvaluation } from '../evaluation/catalogue.ts';
import { ruleSchema } from '../evaluation/order.ts';
import { bindingsOf } from '../owners.ts';
import { findSet, type StoredSet } from '../sets/catalogue.ts';
import { keyOf } from '../test/client.ts';

const SET = {
  features: [
    [1, 0],
    [0, 1],
    [1, 1],
  ],
  identities: [1, 2, 1],
  cameras: [1, 2, 2],
};

/** Asks the app under some variables. */
async function ask(
  variables: Partial<Bindings>,
  authorized: object,
  method: string,
  path: string,
  body?: object,
) {
  const response = await createApp().request(
    path,
    {
      method,
      headers: { ...authorized, 'Content-Type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    },
    { ...env, ...variables },
  );
  const text = await response.text();
  const answer = text === '' ? {} : JSON.parse(text);
  return { response, answer, error: answer.error };
}

test('vectors are counted, and a set that is replaced makes room', async () => {
  const key = await keyOf('few-vectors', 'evaluate');
  const put = (name: string) => ask({ QUOTA_VECTORS: '5' }, key, 'PUT', `/v1/sets/${name}`, SET);
  expect((await put('a')).response.status).toBe(201);
  const { response, error } = await put('b');
  expect(response.status).toBe(429);
  expect(response.headers.get('Retry-After')).toBe('60');
  expect(error).toMatchObject({ type: 'rate_limit_error', code: 'storage_quota_exceeded' });
  expect(error.message).toContain('may store 5 vectors; "few-vectors" has 3, and this would be 3 more');
  expect((await put('a')).response.status).toBe(200);
  expect((await ask({}, key, 'DELETE', '/v1/sets/a')).response.status).toBe(200);
  expect((await put('b')).response.status).toBe(201);
});

test('bytes are counted, those of uploads as they are announced', async () => {
  const key = await keyOf('few-bytes', 'evaluate');
  const begin = () =>
    ask({ QUOTA_BYTES: '1000' }, key, 'POST', '/v1/sets/a/uploads', { count: 20, dimension: 8 });
  expect((await begin()).response.status).toBe(201);
  const { response, error } = await begin();
  expect([response.status, error.code]).toEqual([429, 'storage_quota_exceeded']);
  expect(error.message).toContain('may store 1000 bytes; "few-bytes" has 640, and this would be 640 more');
  // Another owner has a quota of its own.
  const other = await keyOf('more-bytes', 'evaluate');
  expect((await ask({ QUOTA_BYTES: '1000' }, other, 'PUT', '/v1/sets/a', SET)).response.status).toBe(201);
});

test('evaluations under way are counted', async () => {
  const key = await keyOf('few-jobs', 'evaluate');
  await ask({}, key, 'PUT', '/v1/sets/a', SET);
  const run = () =>
    ask({ QUOTA_EVALUATIONS: '0' }, key, 'POST', '/v1/evaluations', {
      ...{ query: 'a', gallery: 'a', protocol: 'none', distance: 'cosine' },
    });
  const { response, error } = await run();
  expect([response.status, error.code]).toEqual([429, 'evaluation_quota_exceeded']);
  expect(error.message).toContain('may have 0 evaluations queued or running; "few-jobs" has 0');
});

test('sets are counted, with uploads that are to become some; one that is replaced is not one more', async () => {
  const key = await keyOf('few-sets', 'evaluate');
  const QUOTA_SETS = '2';
  const put = (name: string) => ask({ QUOTA_SETS }, key, 'PUT', `/v1/sets/${name}`, SET);
  const begin = () => ask({ QUOTA_SETS }, key, 'POST', '/v1/sets/b/uploads', { count: 2, dimension: 1 });
  expect((await put('a')).response.status).toBe(201);
  const upload = (await begin()).response;
  expect(upload.status).toBe(201);
  expect((await put('a')).response.status).toBe(200);
  for (const { response, error } of [await put('c'), await begin()]) {
    expect([response.status, error.code]).toEqual([429, 'storage_quota_exceeded']);
    expect(error.message).toContain('may store 2 sets; "few-sets" has 2, and this would be 1 more');
  }
  // What is announced becomes the set: it is not counted twice.
  const path = upload.headers.get('Location') as string;
  const part = serialiseNpz({
    ...{ count: 2, dimension: 1, features: Float32Array.of(1, 2) },
    ...{ identities: Int32Array.of(1, 2), cameras: Int32Array.of(1, 1) },
  });
  const init = { method: 'PUT', headers: key, body: part as BodyInit };
  expect((await createApp().request(`${path}/parts/1`, init, { ...env, QUOTA_SETS })).status).toBe(201);
  expect((await ask({ QUOTA_SETS }, key, 'POST', `${path}/complete`)).response.status).toBe(201);
});

test('requests that come together do not pass a quota together', async () => {
  const key = await keyOf('racing', 'evaluate');
  const AT_ONCE = 8;
  const statusesOf = async (request: (i: number) => ReturnType<typeof ask>) => {
    const asked = Array.from({ length: AT_ONCE }, (_, i) => request(i));
    return (await Promise.all(asked)).map(({ response }) => response.status).sort();
  };
  const passed = (count: number, status: number) =>
    Array.from({ length: AT_ONCE }, (_, i) => (i < count ? status : 429));

  const put = (i: number) => ask({ QUOTA_VECTORS: '10' }, key, 'PUT', `/v1/sets/s${i}`, SET);
  expect(await statusesOf(put)).toEqual(passed(3, 201));
  const begin = () =>
    ask({ QUOTA_BYTES: '1000' }, key, 'POST', '/v1/sets/u/uploads', { count: 20, dimension: 4 });
  // 72 bytes are stored; each announces 320.
  expect(await statusesOf(begin)).toEqual(passed(2, 201));

  // Recorded and not planned, so that none of them ends meanwhile.
  const [{ id: name }] = (await ask({}, key, 'GET', '/v1/sets')).answer.data;
  const bindings = { ...bindingsOf(env, 'racing'), QUOTA_EVALUATIONS: '5' };
  const set = (await findSet(bindings, name)) as StoredSet;
  const rule = ruleSchema.parse({ protocol: 'none', distance: 'cosine' });
  const recorded = await Promise.all(
    Array.from({ length: AT_ONCE }, () =>
      recordEvaluation(bindings, { id: crypto.randomUUID(), query: set, gallery: set, rule }),
    ),
  );
  expect(recorded.filter((isThere) => isThere)).toHaveLength(5);
  const job = { query: name, gallery: name, protocol: 'none', distance: 'cosine' };
  const { error } = await ask({ QUOTA_EVALUATIONS: '5' }, key, 'POST', '/v1/evaluations', job);
  expect(error.code).toBe('evaluation_quota_exceeded');
});

test('the requests of a key are counted, and not those of another', async () => {
  const [a, b] = [await keyOf('hasty', 'embed'), await keyOf('hasty', 'embed')];
  const REQUESTS = env.FEW_REQUESTS;
  for (let i = 0; i < 3; i++) {
    expect((await ask({ REQUESTS }, a, 'GET', '/v1/models')).response.status).toBe(200);
  }
  const { response, error } = await ask({ REQUESTS }, a, 'GET', '/v1/models');
  expect([response.status, error.code]).toEqual([429, 'rate_limit_exceeded']);
  expect(response.headers.get('Retry-After')).toBe('60');
  expect((await ask({ REQUESTS }, b, 'GET', '/v1/models')).response.status).toBe(200);
});
