import { runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { createRandom } from '@softmargin/shared/random.ts';
import { afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { quantised, randomSet } from '../../test/slow-evaluation.ts';
import { MAX_WEBHOOK_ATTEMPTS, MAX_WEBHOOK_PAUSE_MS } from '../limits.ts';
import { send, sendJson } from '../test/client.ts';
import { age, storageOf, withoutQueue } from '../test/evaluations.ts';
import { uploadSet } from '../test/sets.ts';
import { signature } from './webhook.ts';
import { addressError } from './webhook-address.ts';

const random = createRandom(31);
const query = randomSet(random, 40, 4, quantised);
const gallery = randomSet(random, 60, 4, quantised);
const webhook = { url: 'https://example.com/hook?x=1', secret: 'a-secret-of-some-length' };

beforeAll(async () => {
  await uploadSet('q', query);
  await uploadSet('g', gallery);
});
afterEach(() => vi.restoreAllMocks());

/** Takes what the service sends out, and answers it. */
function receiver(...answers: (Response | Error)[]) {
  const received: { url: string; init: RequestInit }[] = [];
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (url, init) => {
    received.push({ url: String(url), init: init as RequestInit });
    const answer = answers.shift() ?? new Response(null, { status: 204 });
    if (answer instanceof Error) throw answer;
    return answer;
  });
  return received;
}

test('the signature is the HMAC that other programs compute', async () => {
  // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac a-secret-of-some-length
  expect(await signature('a-secret-of-some-length', '{"a":1}', 1_700_000_000_999)).toBe(
    't=1700000000,v1=6747b9d781c709afa2a8cb673a666779c1dada7aabc703b711aec8c8d5ecc902',
  );
});

test('the final object is delivered once, signed, and the secret is forgotten', async () => {
  const received = receiver();
  const { id, stub, deliver } = await withoutQueue(query, gallery, { webhook });
  await deliver(0);
  const { body } = await send('GET', `/v1/evaluations/${id}`);
  expect(body).toMatchObject({ state: 'succeeded', webhook: { url: webhook.url } });
  expect(JSON.stringify(body)).not.toContain(webhook.secret);

  await vi.waitFor(() => expect(received).toHaveLength(1));
  const [{ url, init }] = received;
  expect(url).toBe(webhook.url);
  expect(init).toMatchObject({ method: 'POST', redirect: 'manual' });
  expect(JSON.parse(init.body as string)).toEqual({
    ...body,
    webhook: { url: webhook.url, attempts: 0, lastStatus: null, deliveredAt: null },
  });
  const header = new Headers(init.headers).get('Softmargin-Signature') as string;
  const time = Number(/^t=(\d+),v1=[0-9a-f]{64}$/.exec(header)?.[1]);
  expect(Math.abs(time - Date.now() / 1000)).toBeLessThan(60);
  expect(header).toBe(await signature(webhook.secret, init.body as string, 1000 * time));

  await vi.waitFor(async () => expect((await storageOf(stub)).alarm).toBeNull());
  expect(received).toHaveLength(1);
  expect((await send('GET', `/v1/evaluations/${id}`)).body).toMatchObject({
    webhook: { attempts: 1, lastStatus: 'It was answered 204.', deliveredAt: expect.any(String) },
  });
  await runInDurableObject(stub, (_, { storage: { sql } }) => {
    expect(sql.exec('SELECT * FROM webhook').toArray()).toEqual([]);
  });
});

test('a receiver that fails or redirects is tried again, a bounded number of times', async () => {
  const log = vi.spyOn(console, 'error').mockReturnValue(undefined);
  const redirect = () => new Response(null, { status: 302, headers: { Location: 'https://example.org/' } });
  const received = receiver(
    new Error('No route.'),
    ...Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? new Response('no', { status: 500 }) : redirect())),
  );
  const { id, stub, deliver } = await withoutQueue(query, gallery, { webhook });
  await deliver(0);
  await vi.waitFor(() => expect(received).toHaveLength(1));
  for (let attempt = 2; attempt <= MAX_WEBHOOK_ATTEMPTS; attempt++) {
    // Too early: nothing is sent.
    await runDurableObjectAlarm(stub);
    expect(received).toHaveLength(attempt - 1);
    await age(stub, MAX_WEBHOOK_PAUSE_MS);
    await runDurableObjectAlarm(stub);
    expect(received).toHaveLength(attempt);
  }
  expect(await storageOf(stub)).toMatchObject({ alarm: null });
  expect((await send('GET', `/v1/evaluations/${id}`)).body).toMatchObject({
    state: 'succeeded',
    webhook: { attempts: MAX_WEBHOOK_ATTEMPTS, lastStatus: 'It was answered 500.', deliveredAt: null },
  });
  expect(JSON.stringify(log.mock.calls)).not.toContain(webhook.secret);
});

test('a cancelled evaluation is told too', async () => {
  const received = receiver();
  const { id, stub } = await withoutQueue(query, gallery, { webhook });
  await send('POST', `/v1/evaluations/${id}/cancel`);
  await vi.waitFor(() => expect(received).toHaveLength(1));
  await vi.waitFor(async () => expect((await storageOf(stub)).alarm).toBeNull());
  expect(JSON.parse(received[0].init.body as string)).toMatchObject({ id, state: 'cancelled' });
});

describe('addresses', () => {
  test.each([
    'https://example.com/a',
    'https://8.8.8.8/',
    'https://[2606:4700::1111]/',
    'https://172.32.0.1/',
  ])('%s is taken', (url) => {
    expect(addressError(url, { loopback: false })).toBeUndefined();
  });

  test.each([
    'no url',
    'ftp://example.com/',
    'http://example.com/',
    'https://user:pass@example.com/',
    'https://localhost/',
    'https://a.localhost./',
    'https://127.1/',
    'https://0x7f000001/',
    'https://2130706433/',
    'https://10.0.0.1/',
    'https://172.16.3.4/',
    'https://192.168.0.1/',
    'https://169.254.169.254/latest/meta-data',
    'https://100.64.0.1/',
    'https://0.0.0.0/',
    'https://224.0.0.1/',
    'https://[::1]/',
    'https://[::]/',
    'https://[fe80::1]/',
    'https://[fd00::1]/',
    'https://[::ffff:10.0.0.1]/',
    'https://[64:ff9b::a00:1]/',
    'https://[2002:7f00:1::]/',
    'https://intranet/',
    'https://printer.local/',
    'https://metadata.google.internal/',
  ])('%s is not', (url) => {
    expect(addressError(url, { loopback: false })).toMatch(/\S/);
  });

  test('this machine only where access is open, and then without TLS too', () => {
    for (const url of ['http://127.0.0.1:9/', 'http://localhost:9/', 'http://[::1]/']) {
      expect(addressError(url, { loopback: true })).toBeUndefined();
      expect(addressError(url, { loopback: false })).toBe('must be an https URL');
    }
    expect(addressError('http://10.0.0.1/', { loopback: true })).toBeDefined();
    expect(addressError('http://example.com/', { loopback: true })).toBeDefined();
  });
});

test('where hosts are listed, only those', () => {
  const places = { loopback: false, hosts: ['hooks.example.com', '*.example.org'] };
  for (const url of [
    'https://hooks.example.com/a',
    'https://HOOKS.example.com./',
    'https://a.b.example.org/',
  ]) {
    expect(addressError(url, places)).toBeUndefined();
  }
  for (const url of ['https://example.com/', 'https://example.org/', 'https://anexample.org/']) {
    expect(addressError(url, places)).toMatch(/none of those that this service sends to/);
  }
  expect(addressError('https://10.0.0.1/', { ...places, hosts: ['10.0.0.1'] })).toMatch(/private/);
});

test.each([
  ['a private address', { ...webhook, url: 'https://10.0.0.1/' }, 'webhook.url'],
  ['no secret', { url: webhook.url }, 'webhook.secret'],
  ['a short secret', { ...webhook, secret: 'short' }, 'webhook.secret'],
  ['an unknown field', { ...webhook, method: 'PUT' }, 'webhook.method'],
])('%s is refused at the door', async (_, refused, param) => {
  const before = await env.CATALOGUE.prepare('SELECT COUNT(*) AS n FROM evaluations').first('n');
  const request = { query: 'q', gallery: 'g', protocol: 'none', distance: 'cosine', webhook: refused };
  const { status, body } = await sendJson('POST', '/v1/evaluations', request);
  expect(status).toBe(400);
  expect(body.error.param).toBe(param);
  expect(await env.CATALOGUE.prepare('SELECT COUNT(*) AS n FROM evaluations').first('n')).toBe(before);
});
