import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import { createApp } from './app.ts';

async function ask(path: string, API_KEY: string | undefined, authorization?: string) {
  const headers: HeadersInit = authorization === undefined ? {} : { Authorization: authorization };
  const { API_KEY: _, ...rest } = env;
  const bindings = API_KEY === undefined ? rest : { ...rest, API_KEY };
  const response = await createApp().request(path, { headers }, bindings);
  return {
    response,
    body: await response.json<{ error: { message: string; type: string; code: string } }>(),
  };
}

test.each([
  ['no key', undefined, 'missing_api_key'],
  ['another scheme', 'Basic Y29ycmVjdA==', 'missing_api_key'],
  ['another key', 'Bearer wrong', 'invalid_api_key'],
  ['a beginning of the key', 'Bearer correcthors', 'invalid_api_key'],
  ['the key and more', 'Bearer correcthorses', 'invalid_api_key'],
])('%s is refused', async (_, authorization, code) => {
  const { response, body } = await ask('/v1/models', 'correcthorse', authorization);
  expect(response.status).toBe(401);
  expect(response.headers.get('WWW-Authenticate')).toBe('Bearer');
  expect(body.error).toMatchObject({ type: 'authentication_error', code });
  expect(body.error.message).toContain('Authorization: Bearer <key>');
});

test('the key passes', async () => {
  expect((await ask('/v1/models', 'correcthorse', 'Bearer correcthorse')).response.status).toBe(200);
});

test('paths that do not exist are refused first', async () => {
  expect((await ask('/v1/nothing', 'correcthorse')).response.status).toBe(401);
});

test('health needs no key', async () => {
  expect((await ask('/health', 'correcthorse')).response.status).toBe(200);
});

test('a deployment without a key serves nobody and says how to set one', async () => {
  const { response, body } = await ask('/v1/models', undefined, 'Bearer anything');
  expect(response.status).toBe(503);
  expect(body.error.message).toContain('wrangler secret put API_KEY');
});
