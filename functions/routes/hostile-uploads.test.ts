import { env } from 'cloudflare:workers';
import { createRandom } from '@softmargin/shared/random.ts';
import { serialiseNpy } from '@softmargin/shared/sets/npy.ts';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { npyFile } from '../../test/npy.ts';
import { quantised, randomSet } from '../../test/slow-evaluation.ts';
import { createApp } from '../app.ts';
import { archiveOf } from '../test/archives.ts';
import { type Answer, AUTHORIZED, send, sendJson } from '../test/client.ts';

const set = randomSet(createRandom(5), 40, 16, quantised);
const NAME = '/v1/sets/hostile';

/** A refusal leaves nothing: no set, no object in R2, nobody who holds one; and the service goes on. */
afterEach(async () => {
  expect((await send('GET', NAME)).status).toBe(404);
  const uploads = (
    await env.CATALOGUE.prepare('SELECT id, set_name AS name FROM uploads').all<{
      id: string;
      name: string;
    }>()
  ).results;
  for (const { id, name } of uploads) await send('DELETE', `/v1/sets/${name}/uploads/${id}`);
  expect((await env.STORE.list()).objects).toEqual([]);
  expect(await env.CATALOGUE.prepare('SELECT COUNT(*) AS n FROM holders').first('n')).toBe(0);
  expect((await send('GET', '/health')).status).toBe(200);
});

function expectRefusal({ status, body }: Answer, param: string | RegExp, what = ''): void {
  expect(status, what).toBeGreaterThanOrEqual(400);
  expect(status, what).toBeLessThan(500);
  expect(String(body.error.param), what).toMatch(param);
  expect(body.error.message, what).toMatch(/\S/);
}

/** The places a body goes to: a set in one body, and a part of an upload. */
async function targets(): Promise<string[]> {
  const { headers } = await sendJson('POST', `${NAME}/uploads`, { count: 40, dimension: 16 });
  return [NAME, `${headers.get('Location')}/parts/1`];
}

test('an archive cut at every twentieth of its length', async () => {
  for (const level of [0, 9] as const) {
    const bytes = archiveOf(set, undefined, {}, level);
    for (const path of await targets()) {
      for (let twentieth = 0; twentieth < 20; twentieth++) {
        const length = Math.floor((bytes.length * twentieth) / 20);
        const answer = await send('PUT', path, bytes.slice(0, length));
        // Of an empty body or a single byte it is not even known what it was to be.
        if (length < 2) expect(answer.status).toBe(400);
        else expectRefusal(answer, /^(body|features|identities|cameras)$/, `${path} ${length}`);
      }
    }
  }
});

test('a .npy cut at every twentieth of its length', async () => {
  const bytes = serialiseNpy(set.features, [40, 16]);
  const [, part] = await targets();
  for (let twentieth = 1; twentieth < 20; twentieth++) {
    const length = Math.floor((bytes.length * twentieth) / 20);
    expectRefusal(await send('PUT', part, bytes.slice(0, length)), 'features', `${length}`);
  }
});

describe('headers that lie', () => {
  const data = new Uint8Array(40 * 16 * 4);

  test.each([
    ['(41, 16)', 'needs 2624 bytes, 2560 are there'],
    ['(39, 16)', 'needs 2496 bytes, more are there'],
    ['(0, 16)', 'has no rows'],
    ['(40, 0)', 'has 0 columns'],
    ['(640,)', 'not two dimensions'],
    ['()', 'not two dimensions'],
    ['(10, 4, 16)', 'not two dimensions'],
    ['(1000001, 16)', 'up to 1000000 are stored'],
    ['(1000000, 8192)', 'one body may have 268435456'],
    ['(99999999999999999999, 99999999999999999999)', 'up to 1000000 are stored'],
    ['(2, 8193)', '1 to 8192 are allowed'],
    ['(-4, 16)', 'no shape'],
  ])('about the shape: %s', async (shape, message) => {
    const features = npyFile({ descr: "'<f4'", shape }, data);
    const answer = await send('PUT', NAME, archiveOf(set, undefined, { features }));
    expectRefusal(answer, 'features');
    expect(answer.body.error.message).toContain(message);
  });

  test('about the labels', async () => {
    for (const shape of ['(40, 1)', '(41,)', '(1000000001,)', '()']) {
      const identities = npyFile({ descr: "'<i4'", shape }, new Uint8Array(160));
      expectRefusal(await send('PUT', NAME, archiveOf(set, undefined, { identities })), 'identities', shape);
    }
  });

  test.each([
    ['its packed size', 18],
    ['its size', 22],
    ['its checksum', 14],
    ['its name length', 26],
    ['the length of its extra field', 28],
  ])('about an entry: %s', async (_, at) => {
    for (const path of await targets()) {
      for (const change of [1, 64, 255]) {
        const bytes = archiveOf(set);
        bytes[at] ^= change;
        expectRefusal(await send('PUT', path, bytes), /^\S+/, `${path} ${at} ${change}`);
      }
    }
  });
});

test('a bomb of zeros is left where its rows end', async () => {
  // 62,500 rows announced as 1000: what comes beyond them is not read.
  const features = npyFile({ descr: "'<f4'", shape: '(1000, 16)' }, new Uint8Array(62_500 * 16 * 4));
  const bytes = archiveOf(set, undefined, { features }, 9);
  expect(bytes.length).toBeLessThan(20_000);
  for (const path of await targets()) expectRefusal(await send('PUT', path, bytes), 'features');
});

test('arrays twice, or none of those that are needed', async () => {
  const again = serialiseNpy(set.identities, [40]);
  const order = ['features', 'identities', 'cameras', 'Xdentities'];
  const bytes = archiveOf(set, order, { Xdentities: again });
  for (let at = 0; at < bytes.length; at++) {
    if (new TextDecoder().decode(bytes.subarray(at, at + 10)) === 'Xdentities') bytes[at] = 'i'.charCodeAt(0);
  }
  const answer = await send('PUT', NAME, bytes);
  expectRefusal(answer, 'identities');
  expect(answer.body.error.message).toContain('twice');
  for (const missing of ['features', 'identities', 'cameras']) {
    const order = ['features', 'identities', 'cameras'].filter((name) => name !== missing);
    expectRefusal(await send('PUT', NAME, archiveOf(set, order)), missing);
  }
});

test('features without labels as one body', async () => {
  const bytes = serialiseNpy(set.features, [40, 16]) as BodyInit;
  expectRefusal(await send('PUT', NAME, bytes), 'identities');
});

test('a body that comes slowly, in pieces, is taken; one that then breaks off is not', async () => {
  const bytes = archiveOf(set);
  const slowly = (end: number, failing: boolean) => {
    let at = 0;
    return new ReadableStream<Uint8Array>({
      async pull(controller) {
        await new Promise((resolve) => setTimeout(resolve, 2));
        if (at >= end) {
          if (failing) controller.error(new Error('The connection broke.'));
          else controller.close();
          return;
        }
        controller.enqueue(bytes.slice(at, Math.min(end, at + 50)));
        at += 50;
      },
    });
  };
  const log = vi.spyOn(console, 'error').mockReturnValue(undefined);
  const app = createApp();
  const put = (name: string, body: ReadableStream) =>
    app.request(`/v1/sets/${name}`, { method: 'PUT', headers: AUTHORIZED, body }, env);
  expect((await put('hostile', slowly(bytes.length - 100, false))).status).toBe(400);
  expect((await put('hostile', slowly(1000, true))).status).toBeGreaterThanOrEqual(400);
  log.mockRestore();
  expect((await put('slow', slowly(bytes.length, false))).status).toBe(201);
  expect((await send('DELETE', '/v1/sets/slow')).status).toBe(200);
});

test('a body above the limit is left there', async () => {
  const chunk = new Uint8Array(4_000_000);
  const header = npyFile({ descr: "'<f8'", shape: '(30000, 512)' }, new Uint8Array());
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(sent++ === 0 ? header : chunk.slice());
    },
  });
  const response = await createApp().request(NAME, { method: 'PUT', headers: AUTHORIZED, body }, env);
  expect(response.status).toBe(413);
  expect((await response.json<{ error: { message: string } }>()).error.message).toContain('100000000 bytes');
  // As much again is taken, for a client that listens only when it has sent everything.
  expect(sent).toBeLessThan(60);
});
