import { env } from 'cloudflare:workers';
import { describe, expect, test, vi } from 'vitest';
import { createApp } from './app.ts';
import { AUTHORIZED, pieces, send } from './test/client.ts';

test('an unknown path is 404 in the one error form', async () => {
  const { status, body, headers } = await send('GET', '/v2/embeddings');
  expect(status).toBe(404);
  expect(body).toEqual({
    error: {
      message: 'There is nothing at /v2/embeddings.',
      type: 'invalid_request_error',
      param: null,
      code: 'unknown_path',
    },
  });
  expect(headers.get('X-Request-Id')).toMatch(/^[0-9a-f-]{36}$/);
});

test.each([
  ['POST', '/v1/sets/q', 'GET, HEAD, PUT, DELETE'],
  ['GET', '/v1/embeddings', 'POST'],
  ['POST', '/v1/models', 'GET, HEAD'],
  ['PUT', '/v1/evaluations/x', 'GET, HEAD, DELETE'],
  ['POST', '/health', 'GET, HEAD'],
])('%s %s is 405 and says what is allowed', async (method, path, allowed) => {
  const { status, headers, body } = await send(method, path);
  expect(status).toBe(405);
  expect(headers.get('Allow')).toBe(allowed);
  expect(body.error.code).toBe('method_not_allowed');
});

test('the request id of the caller is kept', async () => {
  const { headers } = await send('GET', '/v1/models', undefined, { 'X-Request-Id': 'mine-1' });
  expect(headers.get('X-Request-Id')).toBe('mine-1');
});

describe('garbage', () => {
  const noise = crypto.getRandomValues(new Uint8Array(5000));
  const bodies: [string, BodyInit][] = [
    ['nothing', ''],
    ['noise', noise],
    ['broken JSON', '{"input": ['],
    ['null', 'null'],
    ['a list', '[]'],
    ['a number', '12'],
    ['a deep nest', `${'['.repeat(100_000)}${']'.repeat(100_000)}`],
    ['empty object', '{}'],
    ['__proto__', '{"__proto__": {"input": "x"}, "constructor": 1}'],
    ['a broken archive', new Uint8Array([0x50, 0x4b, 3, 4, ...noise.subarray(0, 500)])],
    ['a lone surrogate', '{"query": "\ud800", "input": "\ud800"}'],
  ];
  const endpoints = [
    ['POST', '/v1/embeddings'],
    ['PUT', '/v1/sets/garbage'],
    ['PUT', '/v1/models/garbage'],
    ['POST', '/v1/evaluations'],
  ] as const;

  test.each(bodies)('%s is refused everywhere, and the service goes on', async (_, body) => {
    for (const [method, path] of endpoints) {
      for (const type of ['application/json', 'image/png', 'application/octet-stream', '']) {
        const answer = await send(method, path, body, type === '' ? {} : { 'Content-Type': type });
        expect(answer.status, `${method} ${path} as ${type}`).toBeGreaterThanOrEqual(400);
        expect(answer.status, `${method} ${path} as ${type}`).toBeLessThan(500);
        expect(answer.body.error.message).toMatch(/\S/);
      }
    }
    expect((await send('GET', '/health')).status).toBe(200);
  });

  test.each(['..%2f..%2fetc', '%00', 'a b', '-x', 'x'.repeat(65), 'ü'])(
    'the name %j is refused',
    async (name) => {
      for (const path of ['/v1/sets/', '/v1/models/']) {
        const { status, body } = await send('PUT', path + name, '{}');
        expect(status).toBe(400);
        expect(body.error.param).toMatch(/^(set|model)$/);
      }
    },
  );
});

/** Asks the app itself, without a connection in between that notices when a body is not read to its end. */
async function ask(method: string, path: string, body: ReadableStream, bindings: object = env) {
  const headers = { ...AUTHORIZED, 'Content-Type': 'application/json' };
  const response = await createApp().request(path, { method, headers, body }, bindings);
  return {
    status: response.status,
    error: (await response.json<{ error: { message: string; code: string } }>()).error,
  };
}

test.each([
  ['POST', '/v1/embeddings', 16],
  ['POST', '/v1/evaluations', 1 / 16],
])('%s %s stops reading a body above its limit', async (method, path, limit) => {
  const { status, error } = await ask(method, path, pieces(Math.ceil(limit) + 1, 1024 * 1024));
  expect(status).toBe(413);
  expect(error.code).toBe('body_too_large');
  expect(error.message).toContain(limit < 1 ? '64 KiB' : `${limit} MiB`);
});

test('a set as JSON has a limit of its own, and the error names the way out', async () => {
  const { status, error } = await ask('PUT', '/v1/sets/large', pieces(9, 1024 * 1024, '{'));
  expect(status).toBe(413);
  expect(error.message).toContain('.npz');
});

test('a Content-Length above the limit is refused without reading', async () => {
  const { status } = await send('POST', '/v1/evaluations', new Uint8Array(70_000));
  expect(status).toBe(413);
  const model = await send('PUT', '/v1/models/large', new Uint8Array(50 * 1024 * 1024 + 1));
  expect(model.status).toBe(413);
  expect(model.body.error.message).toContain('50 MiB');
});

test('an error that nobody foresaw is 500 without its cause, which the log has', async () => {
  const log = vi.spyOn(console, 'error').mockReturnValue(undefined);
  const cause = new Error('a detail of the inside');
  const prepare = () => {
    throw cause;
  };
  const response = await createApp().request(
    '/v1/sets',
    { headers: AUTHORIZED },
    { ...env, CATALOGUE: { prepare } },
  );
  const text = await response.text();
  expect(response.status).toBe(500);
  expect(text).not.toContain(cause.message);
  expect(JSON.parse(text).error.message).toContain(response.headers.get('X-Request-Id'));
  const line = JSON.parse(log.mock.calls[0][0]);
  expect(line).toMatchObject({ level: 'error', event: 'error', message: cause.message });
  expect(line.requestId).toBe(response.headers.get('X-Request-Id'));
});
