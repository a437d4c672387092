import { env } from 'cloudflare:workers';
import { expect, test, vi } from 'vitest';
import { createApp } from '../app.ts';
import { AUTHORIZED, fetchWorker, keyOf, picture, send, sendJson } from '../test/client.ts';

/** The value of a sample of /metrics; 0 where it is not there. */
async function metric(sample: string): Promise<number> {
  const text = await (await fetchWorker('/metrics')).text();
  const line = text.split('\n').find((line) => line.startsWith(`${sample} `));
  return Number(line?.slice(sample.length + 1) ?? 0);
}

const MODELS = 'method="GET",route="/v1/models"';

test('requests are counted by route and status, and what another isolate counted is added', async () => {
  const sample = `softmargin_requests_total{${MODELS},status="200"}`;
  const before = await metric(sample);
  for (let i = 0; i < 3; i++) await send('GET', '/v1/models');
  await expect.poll(() => metric(sample), { timeout: 10_000 }).toBe(before + 3);
  await env.CATALOGUE.prepare('UPDATE counters SET value = value + 10 WHERE labels = ?')
    .bind(`${MODELS},status="200"`)
    .run();
  expect(await metric(sample)).toBe(before + 13);
});

test('times are a histogram, as Prometheus has them', async () => {
  await send('GET', '/v1/models');
  const count = `softmargin_request_seconds_count{${MODELS}}`;
  await expect.poll(() => metric(count), { timeout: 10_000 }).toBeGreaterThan(0);
  const text = await (await fetchWorker('/metrics')).text();
  expect(text).toContain('# TYPE softmargin_request_seconds histogram\n');
  const bucket = await metric(`softmargin_request_seconds_bucket{${MODELS},le="+Inf"}`);
  expect(bucket).toBe(await metric(count));
  for (const line of text.trimEnd().split('\n')) {
    expect(line).toMatch(/^(# (HELP|TYPE) \w+ .+|\w+(\{(\w+="[^"\\]*",?)+\})? [\d.e+-]+)$/);
  }
});

test('a path is counted by its route, whatever is in it', async () => {
  await send('GET', '/v1/sets/a-private-name');
  await send('GET', '/nothing/a-private-name');
  const known = 'softmargin_requests_total{method="GET",route="/v1/sets/:set",status="404"}';
  await expect.poll(() => metric(known), { timeout: 10_000 }).toBeGreaterThan(0);
  const unknown = 'softmargin_requests_total{method="GET",route="none",status="404"}';
  await expect.poll(() => metric(unknown), { timeout: 10_000 }).toBeGreaterThan(0);
  expect(await (await fetchWorker('/metrics')).text()).not.toContain('a-private-name');
});

test('metrics are for the administrator of the service alone', async () => {
  expect((await send('GET', '/metrics', undefined, { Authorization: '' })).status).toBe(401);
  for (const key of [await keyOf('curious', 'admin'), await keyOf('default', 'embed')]) {
    expect((await send('GET', '/metrics', undefined, key)).status).toBe(403);
  }
});

test('a request is one line of JSON with its id, and with no key, name or picture', async () => {
  const lines: string[] = [];
  const take = (...values: unknown[]) => void lines.push(values.map(String).join(' '));
  const spies = (['log', 'info', 'warn', 'error', 'debug'] as const).map((level) =>
    vi.spyOn(console, level).mockImplementation(take),
  );
  const app = createApp();
  const bindings = { ...env, LOG_REQUESTS: 'on' };
  const png = btoa(String.fromCharCode(...picture('png')));
  const { Authorization } = await keyOf('logged', 'embed', 'evaluate');
  const ask = (method: string, path: string, body: BodyInit | undefined, headers: Record<string, string>) =>
    app.request(path, { method, headers, ...(body !== undefined && { body }) }, bindings);
  const json = { 'Content-Type': 'application/json', Authorization };
  const answer = await ask('POST', '/v1/embeddings', JSON.stringify({ input: png }), json);
  expect(answer.status).toBe(200);
  await ask('POST', '/v1/embeddings', JSON.stringify({ input: `${png}broken` }), json);
  await ask('POST', '/v1/embeddings', `{"input": "${png}`, json);
  await ask('GET', '/v1/sets/a-private-name', undefined, { Authorization });
  await ask('GET', '/v1/models', undefined, { Authorization: 'Bearer sm_a-guess' });
  await ask('GET', '/v1/models', undefined, AUTHORIZED);
  await ask('GET', '/v1/sets', undefined, AUTHORIZED);
  for (const spy of spies) spy.mockRestore();

  expect(lines).toHaveLength(7);
  const first = JSON.parse(lines[0]);
  expect(first).toEqual({
    ...{ level: 'info', event: 'request', requestId: answer.headers.get('X-Request-Id') },
    ...{ method: 'POST', route: '/v1/embeddings', status: 200, milliseconds: expect.any(Number) },
    ...{ owner: 'logged', key: expect.stringMatching(/^[0-9a-f-]{36}$/) },
  });
  const secrets = [Authorization.slice(7), env.API_KEY as string, 'sm_a-guess', 'a-private-name'];
  for (const secret of [...secrets, png.slice(0, 40), png.slice(-40)]) {
    expect(lines.join('\n')).not.toContain(secret);
  }
});

test('an error is one line of JSON too, with the id that its answer names', async () => {
  const spy = vi.spyOn(console, 'error').mockReturnValue(undefined);
  const prepare = () => {
    throw new Error('inside');
  };
  const response = await createApp().request(
    '/v1/sets',
    { headers: AUTHORIZED },
    { ...env, CATALOGUE: { prepare } },
  );
  expect(response.status).toBe(500);
  const lines = spy.mock.calls.map(([line]) => JSON.parse(line));
  expect(lines[0]).toMatchObject({ event: 'error', message: 'inside', stack: expect.any(String) });
  expect(await response.text()).toContain(lines[0].requestId);
  spy.mockRestore();
});

test('what could not be written is kept for the next time', async () => {
  const { count, flush } = await import('./counters.ts');
  count('softmargin_test_total', 'kept="yes"', 2);
  const broken = { prepare: () => ({ bind: () => ({ run: () => Promise.reject(new Error('gone')) }) }) };
  await expect(flush({ CATALOGUE: broken as unknown as D1Database })).rejects.toThrow('gone');
  count('softmargin_test_total', 'kept="yes"');
  await flush(env);
  const value = await env.CATALOGUE.prepare(
    "SELECT value FROM counters WHERE metric = 'softmargin_test_total'",
  ).first('value');
  expect(value).toBe(3);
});

test('requests with a body of another kind are counted where they were answered', async () => {
  const route = 'method="POST",route="/v1/evaluations"';
  const before = await metric(`softmargin_requests_total{${route},status="400"}`);
  await sendJson('POST', '/v1/evaluations', {});
  await expect
    .poll(() => metric(`softmargin_requests_total{${route},status="400"}`), { timeout: 10_000 })
    .toBe(before + 1);
});
