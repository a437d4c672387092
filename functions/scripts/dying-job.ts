import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'vitest';
import type { MortalServer } from './mortal-server.ts';

/**
 * One job whose server is killed at ten moments, from the upload of its sets to its end, and started on the same state.
 * The moments are of the job and not of the clock: half of a body is there, a request was sent, so many shards of a stage
 * are done, the webhook is under way.
 */

/** What a server needs for it: what is lost is sent again soon, and webhooks go to this machine. */
export const SURROUNDINGS = ['SHARD_TIMEOUT_MS:500', 'WEBHOOK_LOOPBACK:allow'] as const;

/** An evaluation, as far as these tests look at it. */
export interface Job {
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

/** A moment of a job: the server is killed when as large a share of a stage's shards is done, if that is not all of them. */
export interface Moment {
  readonly stage: string;
  readonly share: number;
}

/**
 * Uploads a set in parts to a server that dies over the body of the second one, and over the completion.
 *
 * @param begin what the upload is begun with.
 */
export async function uploadDying(
  server: MortalServer,
  name: string,
  begin: object,
  parts: readonly Uint8Array[],
): Promise<void> {
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

  await server.dieOverRequest(30, 'POST', `${path}/complete`, '');
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
export async function runDying(server: MortalServer, rule: object, moments: readonly Moment[]): Promise<Job> {
  const key = { 'Idempotency-Key': 'killed' };
  const receiver = await Receiver.listen();
  const request = { ...rule, webhook: { url: receiver.url, secret: 'a-secret-of-the-tests' } };
  await server.dieOverRequest(30, 'POST', '/v1/evaluations', JSON.stringify(request), key);
  const { status, body } = await server.askJson<Job>('POST', '/v1/evaluations', request, key);
  expect(status, JSON.stringify(body)).toBeLessThan(300);
  const path = `/v1/evaluations/${body.id}`;
  for (const moment of moments) {
    const before = await jobUntil(server, path, moment);
    await server.killAndStart();
    // It was killed while it ran, at the stage that is meant, and nothing that was done is lost.
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
  const end = await jobUntil(server, path, undefined);
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
async function jobUntil(server: MortalServer, path: string, moment: Moment | undefined): Promise<Job> {
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
