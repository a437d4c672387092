import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createRandom } from '@softmargin/shared/random.ts';
import { serialiseNpz } from '@softmargin/shared/sets/npz.ts';
import { afterAll, expect, test } from 'vitest';
import { freePort } from './free-port.ts';
import { authorizedFor } from './server.ts';
import { quantised, randomSet } from './slow-evaluation.ts';

/** A webhook from the local server to a receiver of its own, over real HTTP. */
const script = fileURLToPath(new URL('../functions/scripts/serve.ts', import.meta.url));
const state = mkdtempSync(join(tmpdir(), 'softmargin-webhook-'));
const SECRET = 'a-secret-of-some-length';

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const received: Received[] = [];
/** The first delivery is refused, so that a second one comes. */
const receiver = createServer(async (request, response) => {
  let body = '';
  for await (const chunk of request) body += chunk;
  received.push({ headers: request.headers, body });
  response.writeHead(received.length === 1 ? 503 : 204).end();
});

let server: ChildProcess | undefined;
afterAll(async () => {
  receiver.close();
  if (server !== undefined) {
    const ended = once(server, 'close');
    server.kill('SIGTERM');
    await ended;
  }
  rmSync(state, { recursive: true, force: true });
});

async function serve(...variables: string[]): Promise<string> {
  const port = await freePort();
  const options = variables.flatMap((variable) => ['--var', variable]);
  server = spawn(
    process.execPath,
    [script, '--port', String(port), '--persist-to', state, '--quiet', ...options],
    { stdio: 'ignore' },
  );
  const url = `http://127.0.0.1:${port}`;
  await until(async () => (await fetch(`${url}/health`).catch(() => undefined))?.ok === true);
  return url;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 1200; attempt++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('It did not come to pass.');
}

test('is delivered, tried again and shown', { timeout: 240_000 }, async () => {
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const { port } = receiver.address() as AddressInfo;
  const url = await serve('WEBHOOK_LOOPBACK:allow');
  const random = createRandom(71);
  for (const [name, count] of [
    ['q', 20],
    ['g', 60],
  ] as const) {
    const body = serialiseNpz(randomSet(random, count, 4, quantised)) as Uint8Array<ArrayBuffer>;
    expect(
      (await fetch(`${url}/v1/sets/${name}`, { method: 'PUT', headers: authorizedFor(state), body })).status,
    ).toBe(201);
  }
  const webhook = { url: `http://127.0.0.1:${port}/hook`, secret: SECRET };
  const request = { query: 'q', gallery: 'g', protocol: 'none', distance: 'cosine', webhook };
  const started = await fetch(`${url}/v1/evaluations`, {
    method: 'POST',
    headers: { ...authorizedFor(state), 'Content-Type': 'application/json' },
    body: JSON.stringify(request),
  });
  expect(started.status).toBe(202);
  const path = started.headers.get('Location') as string;

  await until(() => received.length >= 2);
  for (const { headers, body } of received) {
    const [, time, mac] = /^t=(\d+),v1=(.+)$/.exec(
      String(headers['softmargin-signature']),
    ) as RegExpExecArray;
    expect(mac).toBe(createHmac('sha256', SECRET).update(`${time}.${body}`).digest('hex'));
    expect(headers['content-type']).toBe('application/json');
    expect(body).not.toContain(SECRET);
  }
  const current = async () =>
    (await (await fetch(url + path, { headers: authorizedFor(state) })).json()) as Record<string, object>;
  await until(async () => JSON.stringify(await current()).includes('It was answered 204.'));
  const { webhook: shown, ...rest } = await current();
  expect(shown).toEqual({
    url: webhook.url,
    attempts: 2,
    lastStatus: 'It was answered 204.',
    deliveredAt: expect.any(String),
  });
  expect(JSON.parse(received[1].body)).toMatchObject({ ...rest, state: 'succeeded' });
});
