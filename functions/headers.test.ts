import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import { createApp } from './app.ts';
import { AUTHORIZED, send } from './test/client.ts';

test.each([
  ['GET', '/health', {}],
  ['GET', '/v1/models', {}],
  ['GET', '/v1/models', { Authorization: 'Bearer wrong' }],
  ['GET', '/nothing', {}],
  ['PATCH', '/v1/sets', {}],
])('%s %s carries what protects who reads it in a browser', async (method, path, headers) => {
  const answer = await send(method, path, undefined, headers);
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'strict-transport-security': 'max-age=31536000; includeSubDomains',
    'cache-control': 'no-store',
    'cross-origin-resource-policy': 'same-origin',
  });
});

const CORS_ORIGINS = 'https://console.example.com, http://localhost:5173';

function ask(method: string, Origin: string, variables: object, headers = {}) {
  return createApp().request(
    '/v1/models',
    { method, headers: { Origin, ...AUTHORIZED, ...headers } },
    { ...env, ...variables },
  );
}

test('pages of a listed origin may read answers, errors too', async () => {
  for (const headers of [{}, { Authorization: 'Bearer wrong' }]) {
    const answer = await ask('GET', 'https://console.example.com', { CORS_ORIGINS }, headers);
    expect(answer.headers.get('Access-Control-Allow-Origin')).toBe('https://console.example.com');
    expect(answer.headers.get('Vary')).toContain('Origin');
    expect(answer.headers.get('Access-Control-Allow-Credentials')).toBeNull();
    expect(answer.headers.get('Access-Control-Expose-Headers')).toContain('X-Request-Id');
  }
  const asked = { 'Access-Control-Request-Method': 'PUT', Authorization: '' };
  const preflight = await ask('OPTIONS', 'http://localhost:5173', { CORS_ORIGINS }, asked);
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get('Access-Control-Allow-Headers')).toContain('Authorization');
});

test.each([
  ['a page of another origin', 'https://evil.example.com', { CORS_ORIGINS }],
  ['one whose name begins alike', 'https://console.example.com.evil.example', { CORS_ORIGINS }],
  ['any page, where no origin is listed', 'https://console.example.com', {}],
  ['a page without an origin', 'null', { CORS_ORIGINS }],
])('%s gets no word of permission', async (_, origin, variables) => {
  const asked = { 'Access-Control-Request-Method': 'GET' };
  for (const answer of [
    await ask('GET', origin, variables),
    await ask('OPTIONS', origin, variables, asked),
  ]) {
    for (const name of answer.headers.keys()) expect(name).not.toMatch(/^access-control-/);
  }
});
