import { expect, inject, test } from 'vitest';
import { picture, send, sendJson } from '../test/client.ts';
import { isolateMemory } from '../test/memory.ts';

const files = inject('pictures');
const requests = inject('steadyRequests');
const AT_ONCE = 8;

/** Requests of every kind, some of which fail. */
function request(i: number): Promise<{ status: number }> {
  const kind = i % 5;
  if (kind === 0) return send('POST', '/v1/embeddings', picture('jpeg'), { 'Content-Type': 'image/jpeg' });
  if (kind === 1) return sendJson('POST', '/v1/embeddings', { input: [files.png, files.webp], flip: true });
  if (kind === 2) return sendJson('POST', '/v1/embeddings', { input: [files['jpeg-cmyk'], 'AAAA'] });
  if (kind === 3) return sendJson('POST', '/v1/embeddings', { input: files.gif });
  return sendJson('POST', '/v1/embeddings', { input: files.png, encoding_format: 'base64' });
}

async function serve(first: number, count: number): Promise<void> {
  for (let i = first; i < first + count; i += AT_ONCE) {
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, (_, k) => request(i + k)));
    for (const [k, { status }] of answers.entries()) expect(status).toBe((i + k) % 5 === 3 ? 400 : 200);
  }
}

test('requests, however many, leave no tensor, no larger heap and no held byte', {
  timeout: 150 * requests,
}, async () => {
  // One that loads all there is to load, before several come at once.
  await request(2);
  await serve(0, 80);
  const before = await isolateMemory();
  expect(before.inFlight).toBe(0);
  await serve(80, requests);
  expect(await isolateMemory()).toEqual(before);
});
