import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import { createApp } from '../app.ts';
import type { Bindings } from '../environment.ts';
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
  return { response, error: (text === '' ? {} : JSON.parse(text)).error };
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
