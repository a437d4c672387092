import { env } from 'cloudflare:workers';
import { expect, test, vi } from 'vitest';
import { createApp } from './app.ts';
import { REQUESTS_IN_FLIGHT, UPLOADS_IN_FLIGHT } from './limits.ts';
import { RequestsInFlight } from './requests-in-flight.ts';
import { AUTHORIZED, keyOf, picture } from './test/client.ts';

const refused = expect.objectContaining({
  status: 429,
  headers: { 'Retry-After': '1' },
  details: expect.objectContaining({ code: 'too_many_requests_in_flight' }),
});

test('one owner may have fewer places than there are, and each that is left is another’s', async () => {
  const few = { all: 5, ofOwner: 3 };
  const places = new RequestsInFlight({ what: 'requests', working: few, underWay: few });
  const first = await places.enter('a');
  await places.enter('a');
  await places.enter('a');
  await expect(places.enter('a')).rejects.toEqual(refused);
  await places.enter('b');
  await places.enter('b');
  await expect(places.enter('c')).rejects.toEqual(refused);
  first.leave();
  first.leave();
  await places.enter('c');
  await expect(places.enter('c')).rejects.toEqual(refused);
});

test('what is more than may be worked on waits, each for its turn and none for another owner’s', async () => {
  const places = new RequestsInFlight({
    what: 'requests',
    working: { all: 3, ofOwner: 2 },
    underWay: { all: 20, ofOwner: 20 },
  });
  const order: string[] = [];
  let working = 0;
  const work = async (owner: string, name: string) => {
    const place = await places.enter(owner);
    order.push(name);
    expect(++working).toBeLessThanOrEqual(3);
    await scheduler.wait(5);
    working--;
    place.leave();
  };
  const names = ['a0', 'a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7'];
  await Promise.all([...names.map((name) => work('a', name)), work('b', 'b')]);
  // b does not wait for a's; a's come in their order.
  expect(order.indexOf('b')).toBe(2);
  expect(order.filter((name) => name !== 'b')).toEqual(names);
});

test('a place that is silent for long is free again, and one that is renewed is not', async () => {
  const two = { all: 2, ofOwner: 2 };
  const places = new RequestsInFlight({ what: 'requests', working: two, underWay: two }, 100);
  const renewed = await places.enter('a');
  await places.enter('a');
  await scheduler.wait(150);
  renewed.renew();
  await places.enter('b');
  await expect(places.enter('b')).rejects.toEqual(refused);
});

/** A catalogue that does not answer until it is let. */
function stalledCatalogue() {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const slow = (statement: D1PreparedStatement): D1PreparedStatement =>
    new Proxy(statement, {
      get(target, name) {
        if (name === 'bind') return (...values: unknown[]) => slow(target.bind(...values));
        if (name === 'all') return () => released.then(() => target.all());
        return Reflect.get(target, name).bind(target);
      },
    });
  const CATALOGUE = new Proxy(env.CATALOGUE, {
    get(target, name) {
      if (name === 'prepare') return (sql: string) => slow(target.prepare(sql));
      return Reflect.get(target, name).bind(target);
    },
  });
  return { CATALOGUE, release };
}

test('requests above what may be under way are 429; health, metrics and another owner are answered', async () => {
  const app = createApp();
  const [mine, other] = [await keyOf('many-at-once', 'evaluate'), await keyOf('one-at-a-time', 'evaluate')];
  const { CATALOGUE, release } = stalledCatalogue();
  const list = (headers: HeadersInit, bindings: object) => app.request('/v1/sets', { headers }, bindings);
  const waiting = Array.from({ length: REQUESTS_IN_FLIGHT.underWay.ofOwner }, () =>
    list(mine, { ...env, CATALOGUE }),
  );
  await vi.waitFor(async () => expect((await list(mine, env)).status).toBe(429));
  const response = await list(mine, env);
  expect(response.headers.get('Retry-After')).toBe('1');
  expect(await response.json()).toMatchObject({
    error: { type: 'rate_limit_error', code: 'too_many_requests_in_flight', param: null },
  });
  expect((await list(other, env)).status).toBe(200);
  expect((await app.request('/health', {}, env)).status).toBe(200);
  expect((await app.request('/metrics', { headers: AUTHORIZED }, env)).status).toBe(200);
  release();
  for (const answer of await Promise.all(waiting)) expect(answer.status).toBe(200);
  expect((await list(mine, env)).status).toBe(200);
});

/** A body that begins and does not go on until it is ended. */
function stalledBody(first: Uint8Array) {
  let end = () => {};
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(first);
      end = () => controller.error(new Error('The client has gone.'));
    },
  });
  return { body, end };
}

test('clients that stop in the middle of their bodies take no place from others', async () => {
  const app = createApp();
  const mine = await keyOf('stalling', 'evaluate', 'embed');
  const begin = (method: string, path: string, type: string) => {
    const { body, end } = stalledBody(picture('png').slice(0, 20));
    const headers = { ...mine, 'Content-Type': type };
    return { end, answer: app.request(path, { method, headers, body }, env) };
  };
  const embeddings = Array.from({ length: 2 * REQUESTS_IN_FLIGHT.working.all }, () =>
    begin('POST', '/v1/embeddings', 'image/png'),
  );
  const uploads = Array.from({ length: UPLOADS_IN_FLIGHT.working.ofOwner }, (_, i) =>
    begin('PUT', `/v1/sets/stalled-${i}`, 'application/zip'),
  );
  const put = (headers: HeadersInit) =>
    app.request(
      '/v1/sets/whole',
      { method: 'PUT', headers, body: '{"features":[[1]],"identities":[1],"cameras":[1]}' },
      env,
    );
  const behind = put(mine);
  const embed = await app.request(
    '/v1/embeddings',
    { method: 'POST', headers: { ...mine, 'Content-Type': 'image/png' }, body: picture('png') },
    env,
  );
  expect(embed.status).toBe(200);
  expect((await put(await keyOf('not-stalling', 'evaluate'))).status).toBe(201);
  for (const { end } of [...embeddings, ...uploads]) end();
  await Promise.all([...embeddings, ...uploads].map(({ answer }) => answer));
  expect((await behind).status).toBe(201);
});
