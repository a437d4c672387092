import { afterEach, expect, test, vi } from 'vitest';
import { readBody, withBody } from './body.ts';
import { BODY_PAUSE_MS } from './limits.ts';

afterEach(() => {
  vi.useRealTimers();
});

function requestOf(body: ReadableStream<Uint8Array>): Request {
  return new Request('http://softmargin/', { method: 'POST', body });
}

test('a body that comes too slowly is given up', async () => {
  let cancelled = false;
  const slow = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new Uint8Array(10)),
    cancel: () => {
      cancelled = true;
    },
  });
  const reading = readBody(requestOf(slow), 100, 'A picture', { within: 100 });
  await expect(reading).rejects.toMatchObject({ status: 408, details: { code: 'body_too_slow' } });
  expect(cancelled).toBe(true);
});

test('every byte is asked for before it is taken, and a refusal ends the reading', async () => {
  const chunks = () =>
    new ReadableStream<Uint8Array>({
      start(controller) {
        for (let i = 0; i < 10; i++) controller.enqueue(new Uint8Array(20_000).fill(i));
        controller.close();
      },
    });
  let held = 0;
  const bytes = await readBody(requestOf(chunks()), 1_000_000, 'A picture', {
    hold: (more) => (held += more),
  });
  expect(bytes).toHaveLength(200_000);
  // What its buffers took, as they doubled.
  expect(held).toBe((64 + 128 + 256) * 1024);

  const refusal = new Error('full');
  const refuse = () => {
    throw refusal;
  };
  await expect(readBody(requestOf(chunks()), 1_000_000, 'A picture', { hold: refuse })).rejects.toBe(refusal);
});

test('a body that is worked on as it comes may take its time, and not stand still', async () => {
  vi.useFakeTimers();
  let controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  const body = new ReadableStream<Uint8Array>({
    start: (given) => {
      controller = given;
    },
  });
  let seen = 0;
  const working = withBody(requestOf(body), 100, 'A set', async (chunks) => {
    for await (const chunk of chunks) seen += chunk.length;
  });
  const refusal = expect(working).rejects.toMatchObject({ status: 408, details: { code: 'body_too_slow' } });
  for (let i = 0; i < 5; i++) {
    controller?.enqueue(new Uint8Array(2));
    await vi.advanceTimersByTimeAsync(0.9 * BODY_PAUSE_MS);
  }
  expect(seen).toBe(10);
  await vi.advanceTimersByTimeAsync(0.2 * BODY_PAUSE_MS);
  await refusal;
});

test('what a client only announces takes no memory', async () => {
  const body = new ReadableStream<Uint8Array>({ start: (controller) => controller.close() });
  const headers = new Headers({ 'Content-Length': '10000000' });
  let held = 0;
  await readBody({ body, headers }, 10_000_000, 'A form', { hold: (bytes) => (held += bytes) });
  expect(held).toBe(64 * 1024);
});

test.each(['-1', '1e99', '0x10', ' ', '1.5', 'NaN'])('a Content-Length of %j is none', async (announced) => {
  const body = new Blob([Uint8Array.of(1, 2, 3)]).stream();
  // Not of a Request, which has its own opinion of this header.
  const headers = { get: () => announced } as unknown as Headers;
  expect([...(await readBody({ body, headers }, 100, 'A picture'))]).toEqual([1, 2, 3]);
});
