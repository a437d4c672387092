import { env } from 'cloudflare:workers';
import { describe, expect, test, vi } from 'vitest';
import { createApp } from './app.ts';
import type { Bindings } from './environment.ts';

async function ask(path: string, variables: Partial<Bindings>, authorization?: string) {
  const headers: HeadersInit = authorization === undefined ? {} : { Authorization: authorization };
  const bindings = { ...env, ...variables };
  const response = await createApp().request(path, { headers }, bindings);
  return {
    response,
    body: await response.json<{ error: { message: string; type: string; code: string } }>(),
  };
}

describe('with a key', () => {
  const key = { ACCESS: 'key', API_KEY: 'correct horse' };

  test.each([
    ['no key', undefined, 'missing_api_key'],
    ['another scheme', 'Basic Y29ycmVjdA==', 'missing_api_key'],
    ['another key', 'Bearer wrong', 'invalid_api_key'],
    ['a beginning of the key', 'Bearer correcthors', 'invalid_api_key'],
  ])('%s is refused', async (_, authorization, code) => {
    const { response, body } = await ask('/v1/models', { ...key, API_KEY: 'correcthorse' }, authorization);
    expect(response.status).toBe(401);
    expect(response.headers.get('WWW-Authenticate')).toBe('Bearer');
    expect(body.error).toMatchObject({ type: 'authentication_error', code });
    expect(body.error.message).toContain('Authorization: Bearer <key>');
  });

  test('the key passes', async () => {
    const { response } = await ask('/v1/models', { ...key, API_KEY: 'correcthorse' }, 'Bearer correcthorse');
    expect(response.status).toBe(200);
  });

  test('paths that do not exist are refused first', async () => {
    expect((await ask('/v1/nothing', key)).response.status).toBe(401);
  });

  test('health needs none', async () => {
    expect((await ask('/health', key)).response.status).toBe(200);
  });
});

test('a deployment without a key serves nobody and says how to set one', async () => {
  for (const ACCESS of ['key', undefined]) {
    const { response, body } = await ask('/v1/models', { ACCESS } as Partial<Bindings>, 'Bearer anything');
    expect(response.status).toBe(503);
    expect(body.error.message).toContain('wrangler secret put API_KEY');
  }
});

test('open access asks for nothing', async () => {
  expect((await ask('/v1/models', { ACCESS: 'open' })).response.status).toBe(200);
});

test('a value of ACCESS that means nothing opens nothing', async () => {
  const log = vi.spyOn(console, 'error').mockReturnValue(undefined);
  const { response, body } = await ask('/v1/models', { ACCESS: 'Open' });
  expect(log).toHaveBeenCalledOnce();
  expect(response.status).toBe(500);
  expect(body.error.code).toBe('internal_error');
});
