import { expect, test } from 'vitest';
import * as z from 'zod';
import { SoftmarginClient } from './client.ts';
import { readEvents } from './event-stream.ts';
import { Transport } from './transport.ts';

type Answer = Response | Error;

/** A client whose requests get these answers, one after the other. */
function answering(...answers: readonly Answer[]) {
  const sent: { url: string; method: string }[] = [];
  const left = [...answers];
  const fake = async (url: string | URL | Request, init?: RequestInit): Promise<Response> => {
    sent.push({ url: String(url), method: init?.method ?? 'GET' });
    const next = left.shift();
    if (next === undefined) throw new Error('No more requests were expected.');
    if (next instanceof Error) throw next;
    return next;
  };
  const options = { url: 'http://service', key: 'k', fetch: fake as typeof fetch };
  return { sent, transport: new Transport(options), client: new SoftmarginClient(options) };
}

const busy = (seconds: string | undefined) =>
  new Response(JSON.stringify({ error: { message: 'Slow down.', code: 'rate_limited', param: null } }), {
    status: 429,
    headers: seconds === undefined ? {} : { 'Retry-After': seconds },
  });
const fine = (body: unknown = {}) => new Response(JSON.stringify(body));
const lost = () =>
  new TypeError('fetch failed', { cause: Object.assign(new Error(), { code: 'ECONNRESET' }) });

test('what is told to wait is sent again after it, whatever it is', async () => {
  const { sent, transport } = answering(busy('0'), busy('0'), fine());
  await transport.json(z.object({}), '/v1/keys', { method: 'POST', json: {} });
  expect(sent).toHaveLength(3);
});

test('a 429 that names no time, or too long a one, or comes too often, is an error', async () => {
  for (const answers of [[busy(undefined)], [busy('3600')], Array.from({ length: 4 }, () => busy('0'))]) {
    const { sent, transport } = answering(...answers);
    await expect(transport.send('/')).rejects.toMatchObject({ status: 429, code: 'rate_limited' });
    expect(sent).toHaveLength(answers.length);
  }
});

test('a network failure is made good where sending twice does no harm, and only there', async () => {
  const put = answering(lost(), fine());
  await put.transport.send('/v1/sets/a', { method: 'PUT', body: 'x' });
  expect(put.sent).toHaveLength(2);

  const post = answering(lost());
  await expect(post.client.keys.create({ name: 'a', scopes: ['embed'] })).rejects.toMatchObject({
    status: 0,
    code: 'network_error',
  });
  expect(post.sent).toHaveLength(1);

  const always = answering(lost(), lost(), lost(), lost());
  await expect(always.transport.send('/')).rejects.toThrow('http://service could not be reached: ECONNRESET');
});

test('an abort ends a request, and the time before the next one', async () => {
  const { transport } = answering(busy('30'), fine());
  const abort = new AbortController();
  setTimeout(() => abort.abort(new Error('Enough.')), 20);
  await expect(transport.send('/', { signal: abort.signal })).rejects.toThrow('Enough.');
});

test('an answer that is not of this service is an error that says so', async () => {
  const page = Object.defineProperty(new Response('<html>'), 'url', { value: 'http://service/health' });
  await expect(answering(page).client.health()).rejects.toThrow(
    'The answer of http://service/health is not one of softmargin: it is no JSON.',
  );
  const other = Object.defineProperty(fine({ status: 'up' }), 'url', { value: 'http://service/health' });
  await expect(answering(other).client.health()).rejects.toThrow(/is not one of softmargin: status: /);
  const proxy = new Response('<h1>Bad   gateway</h1>', { status: 502 });
  await expect(answering(proxy).client.health()).rejects.toThrow(
    'The service answered 502: <h1>Bad gateway</h1>',
  );
});

test('lists go on over pages, and a page is asked for when it is reached', async () => {
  const key = (id: string) => ({
    ...{ id, object: 'key', owner: 'o', name: 'n', scopes: ['embed'], createdAt: '' },
    ...{ expiresAt: null, revokedAt: null, lastUsedAt: null },
  });
  const page = (hasMore: boolean, ...ids: string[]) => fine({ object: 'list', data: ids.map(key), hasMore });
  const { sent, client } = answering(page(true, 'a', 'b'), page(true, 'c'), page(false, 'd'));
  const found: string[] = [];
  for await (const { id } of client.keys.list('o')) {
    found.push(id);
    expect(sent).toHaveLength(id < 'c' ? 1 : id < 'd' ? 2 : 3);
  }
  expect(found).toEqual(['a', 'b', 'c', 'd']);
  expect(sent.map(({ url }) => new URL(url).search)).toEqual([
    '?owner=o',
    '?owner=o&after=b',
    '?owner=o&after=c',
  ]);
});

const evaluation = (state: string) => ({
  ...{ id: 'e', object: 'evaluation', state, finishedAt: null, protocol: 'none', distance: 'cosine' },
  progress: { shards: { done: 0, total: 1 }, etaSeconds: null },
  query: { set: 'q', sha256: '', count: 1 },
  gallery: { set: 'g', sha256: '', count: 1 },
  createdAt: '',
});
const events = (...texts: string[]) => new Response(texts.join(''));
const event = (name: string, state: string) =>
  `event: ${name}\ndata: ${JSON.stringify(evaluation(state))}\n\n`;

test('a stream of events that breaks off is taken up again until the evaluation has ended', async () => {
  const { sent, client } = answering(
    events(event('progress', 'queued'), ': still there\n\n', 'event: progress\nda'),
    lost(),
    events(event('progress', 'running'), event('end', 'succeeded')),
  );
  const states: string[] = [];
  for await (const { state } of client.evaluations.watch('e')) states.push(state);
  expect(states).toEqual(['queued', 'running', 'succeeded']);
  expect(sent).toHaveLength(3);
});

test('an evaluation that is deleted while it is watched is an error, and so is a key that is not right', async () => {
  const gone = JSON.stringify({ id: 'e', object: 'evaluation', deleted: true });
  await expect(
    answering(events(`event: end\ndata: ${gone}\n\n`)).client.evaluations.wait('e'),
  ).rejects.toMatchObject({ code: 'evaluation_deleted' });
  const refused = new Response(JSON.stringify({ error: { message: 'No.', code: 'invalid_api_key' } }), {
    status: 401,
  });
  const { sent, client } = answering(refused);
  await expect(client.evaluations.wait('e')).rejects.toMatchObject({ status: 401 });
  expect(sent).toHaveLength(1);
});

test('events are read as the standard says, however they are cut', async () => {
  const text =
    ': a comment\ndata: one\ndata: two\n\nevent: named\r\ndata:{"é":1}\r\nid: 7\r\n\r\ndata\n\nevent: x\n\n';
  const bytes = new TextEncoder().encode(text);
  for (const size of [1, 2, 3, 7, bytes.length]) {
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
        controller.close();
      },
    });
    const found: unknown[] = [];
    for await (const one of readEvents(stream)) found.push(one);
    expect(found).toEqual([
      { event: 'message', data: 'one\ntwo' },
      { event: 'named', data: '{"é":1}' },
      { event: 'message', data: '' },
    ]);
  }
});
