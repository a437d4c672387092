import { Hono } from 'hono';
import { afterEach, expect, test, vi } from 'vitest';
import { respondToError } from './errors.ts';

afterEach(() => void vi.restoreAllMocks());

async function answerTo(error: Error): Promise<{ status: number; code: string; retryAfter: string | null }> {
  vi.spyOn(console, 'error').mockImplementation(() => {});
  const app = new Hono();
  app.onError(respondToError);
  app.get('/', () => {
    throw error;
  });
  const response = await app.request('/');
  const body = (await response.json()) as { error: { code: string } };
  return { status: response.status, code: body.error.code, retryAfter: response.headers.get('Retry-After') };
}

test.each([
  new Error('D1_ERROR: D1 DB is overloaded. Requests queued for too long.'),
  new Error('D1_ERROR: D1 DB is overloaded. Too many requests queued.'),
  Object.assign(new Error('Durable Object is not reachable.'), { overloaded: true, retryable: true }),
])('storage that has too much to do is 503, to be tried again: $message', async (error) => {
  expect(await answerTo(error)).toEqual({ status: 503, code: 'storage_overloaded', retryAfter: '1' });
});

test.each([
  new Error('D1_ERROR: no such table: sets'),
  Object.assign(new Error('gone'), { overloaded: false }),
])('another failure is 500: $message', async (error) => {
  expect(await answerTo(error)).toEqual({ status: 500, code: 'internal_error', retryAfter: null });
});
