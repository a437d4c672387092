import * as z from 'zod';
import { SAMPLE_PICTURE } from '../../functions/inference/sample.ts';
import { serialiseNpz } from '../../shared/sets/npz.ts';
import { type Server, startServer } from '../server.ts';
import { workerdBytes } from './resident-memory.ts';

/** How long the phases of a load last, in seconds. */
export interface LoadSeconds {
  /** Each step of the ramp. */
  readonly step: number;
  readonly steady: number;
  readonly overload: number;
}

const kinds = ['embeddings', 'search', 'upload', 'evaluation'] as const;

type Kind = (typeof kinds)[number];

/** Of twenty requests, as many of each kind. */
const MIX: Readonly<Record<Kind, number>> = { embeddings: 14, search: 3, upload: 2, evaluation: 1 };

/** Milliseconds from when a request was due until its answer was read, of those that were answered 2xx. */
export interface Latencies {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** What came of the requests of a phase. */
export interface PhaseReport {
  readonly seconds: number;
  /** Requests a second that were due, and that were answered 2xx until the last answer came. */
  readonly due: number;
  readonly served: number;
  /** By status. `failed` had no answer; `unsent` found as many waiting as this client sends at a time. */
  readonly answers: Readonly<Record<string, number>>;
  readonly latencies: Readonly<Record<Kind, Latencies>>;
}

export interface LoadReport {
  /** Requests a second by the number of clients that each wait for their answer. */
  readonly ramp: readonly { readonly clients: number; readonly rate: number }[];
  readonly steady: PhaseReport;
  readonly overload: PhaseReport;
  /** Seconds after the overload until ten requests in turn were answered as fast as before it. */
  readonly recoverySeconds: number;
  readonly recovered: PhaseReport;
  readonly jobs: { readonly accepted: number; readonly succeeded: number };
  /** Resident size of workerd, in bytes, each with the second it was taken at. */
  readonly memory: readonly { readonly phase: string; readonly second: number; readonly bytes: number }[];
}

/** Of the highest rate of the ramp: what the steady load has, and the overload. */
const STEADY_SHARE = 0.7;
const OVERLOAD_FACTOR = 10;
/** Sockets of this client. */
const MAX_WAITING = 600;
const RAMP = [1, 4, 16] as const;
const RECOVERY_LIMIT_SECONDS = 60;

/**
 * A mixed load on a server: as much as it sustains, ten times as much, and what it had before.
 *
 * @throws {Error} where the sets that it works on cannot be stored.
 */
export async function measureLoad(
  server: Server,
  seconds: LoadSeconds,
  note: (line: string) => void,
): Promise<LoadReport> {
  const client = await LoadClient.prepare(server);
  const memory: { phase: string; second: number; bytes: number }[] = [];
  const begun = performance.now();
  let phase = 'ramp';
  const look = () => {
    const bytes = workerdBytes(server.child.pid as number);
    memory.push({ phase, second: Math.round((performance.now() - begun) / 1000), bytes });
  };
  const timer = setInterval(look, 1_000);
  try {
    const ramp: { clients: number; rate: number }[] = [];
    for (const clients of RAMP) {
      ramp.push({ clients, rate: await client.inTurn(clients, seconds.step) });
      note(`${clients} clients: ${ramp.at(-1)?.rate.toFixed(0)} requests a second`);
    }
    const most = Math.max(...ramp.map(({ rate }) => rate));
    phase = 'steady';
    const steady = await client.drive(STEADY_SHARE * most, seconds.steady);
    note(`steady: ${JSON.stringify(steady)}`);
    phase = 'overload';
    const overload = await client.drive(OVERLOAD_FACTOR * most, seconds.overload);
    note(`overload: ${JSON.stringify(overload)}`);
    phase = 'recovery';
    const recoverySeconds = await client.recovery(3 * steady.latencies.embeddings.p95);
    const recovered = await client.drive(STEADY_SHARE * most, Math.min(seconds.steady, 10));
    phase = 'jobs';
    return { ramp, steady, overload, recoverySeconds, recovered, jobs: await client.jobs(), memory };
  } finally {
    clearInterval(timer);
  }
}

/** The same on a server of its own, at the length that the bench has. @param seconds of the steady load. */
export async function runLoad(seconds: number, note: (line: string) => void): Promise<LoadReport> {
  const server = await startServer();
  try {
    return await measureLoad(server, { step: 5, steady: seconds, overload: 10 }, note);
  } finally {
    await server.stop();
  }
}

interface Sample {
  readonly kind: Kind;
  /** `failed` or `unsent` where there is none. */
  readonly status: number | 'failed' | 'unsent';
  readonly milliseconds: number;
}

const acceptedSchema = z.object({ id: z.uuid() });
const evaluationSchema = z.object({ state: z.string() });
const NAMED_SETS = 8;

class LoadClient {
  readonly #server: Server;
  readonly #set: Uint8Array<ArrayBuffer>;
  readonly #accepted: string[] = [];
  #sent = 0;
  #waiting = 0;

  private constructor(server: Server, set: Uint8Array<ArrayBuffer>) {
    this.#server = server;
    this.#set = set;
  }

  static async prepare(server: Server): Promise<LoadClient> {
    const client = new LoadClient(server, smallSet());
    for (const name of ['query', 'gallery']) {
      const response = await client.#fetch('PUT', `/v1/sets/${name}`, client.#set);
      if (!response.ok) throw new Error(`${name}: ${response.status} ${await response.text()}`);
    }
    return client;
  }

  /** Requests a second of clients that each wait for their answer. */
  async inTurn(clients: number, seconds: number): Promise<number> {
    const begun = performance.now();
    const end = begun + 1000 * seconds;
    let served = 0;
    const client = async () => {
      while (performance.now() < end) {
        const { status } = await this.#send(performance.now());
        if (isServed(status)) served++;
      }
    };
    await Promise.all(Array.from({ length: clients }, client));
    return served / ((performance.now() - begun) / 1000);
  }

  /** Sends requests at a rate, whether or not the earlier ones are answered. */
  async drive(rate: number, seconds: number): Promise<PhaseReport> {
    const begun = performance.now();
    const samples: Promise<Sample>[] = [];
    const due = Math.round(rate * seconds);
    for (let i = 0; i < due; i++) {
      const at = begun + (1000 * i) / rate;
      const early = at - performance.now();
      if (early > 1) await new Promise((resolve) => setTimeout(resolve, early));
      samples.push(this.#send(at));
      // Answers that have come are read in between, even where this client is behind.
      if (i % 32 === 31) await new Promise((resolve) => setImmediate(resolve));
    }
    const answered = await Promise.all(samples);
    return reportOf(answered, seconds, (performance.now() - begun) / 1000);
  }

  /** Seconds until ten embeddings in turn were answered within a time. @throws {Error} where that takes too long. */
  async recovery(within: number): Promise<number> {
    const begun = performance.now();
    for (let inTurn = 0; inTurn < 10; ) {
      const { status, milliseconds } = await this.#sendKind('embeddings', performance.now());
      inTurn = isServed(status) && milliseconds <= within ? inTurn + 1 : 0;
      if (performance.now() - begun > 1000 * RECOVERY_LIMIT_SECONDS) {
        throw new Error(`The server had not recovered after ${RECOVERY_LIMIT_SECONDS} seconds.`);
      }
    }
    return (performance.now() - begun) / 1000;
  }

  /** Waits until no evaluation that was accepted is under way. */
  async jobs(): Promise<LoadReport['jobs']> {
    let succeeded = 0;
    for (const id of this.#accepted) if ((await this.#stateAtEnd(id)) === 'succeeded') succeeded++;
    return { accepted: this.#accepted.length, succeeded };
  }

  async #stateAtEnd(id: string): Promise<string> {
    for (let attempt = 0; attempt < 600; attempt++) {
      const response = await this.#fetch('GET', `/v1/evaluations/${id}`);
      const body = await response.json();
      const { state } = response.ok ? evaluationSchema.parse(body) : { state: JSON.stringify(body) };
      if (state !== 'queued' && state !== 'running') return state;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    return 'lost';
  }

  #send(due: number): Promise<Sample> {
    return this.#sendKind(ORDER[this.#sent++ % ORDER.length], due);
  }

  async #sendKind(kind: Kind, due: number): Promise<Sample> {
    const sample = (status: Sample['status']) => ({ kind, status, milliseconds: performance.now() - due });
    if (this.#waiting >= MAX_WAITING) return sample('unsent');
    this.#waiting++;
    try {
      const response = await this.#request(kind);
      const text = await response.text();
      if (kind === 'evaluation' && response.ok)
        this.#accepted.push(acceptedSchema.parse(JSON.parse(text)).id);
      return sample(response.status);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      return sample('failed');
    } finally {
      this.#waiting--;
    }
  }

  #request(kind: Kind): Promise<Response> {
    if (kind === 'embeddings') return this.#json('/v1/embeddings', { input: SAMPLE_PICTURE });
    if (kind === 'search') return this.#json('/v1/sets/gallery/search', { embeddings: [QUERY], k: 10 });
    if (kind === 'upload') return this.#fetch('PUT', `/v1/sets/load-${this.#sent % NAMED_SETS}`, this.#set);
    const job = { query: 'query', gallery: 'gallery', protocol: 'market1501', distance: 'cosine' };
    return this.#json('/v1/evaluations', job);
  }

  #json(path: string, body: object): Promise<Response> {
    return this.#fetch('POST', path, JSON.stringify(body));
  }

  #fetch(method: string, path: string, body?: string | Uint8Array<ArrayBuffer>): Promise<Response> {
    const type = typeof body === 'string' ? 'application/json' : 'application/octet-stream';
    return fetch(`${this.#server.url}${path}`, {
      method,
      headers: { ...this.#server.authorized, 'Content-Type': type },
      ...(body !== undefined && { body }),
    });
  }
}

/** The kinds of requests, spread over their round. */
const ORDER: readonly Kind[] = kinds
  .flatMap((kind) => Array.from({ length: MIX[kind] }, (_, i) => ({ kind, at: (i + 0.5) / MIX[kind] })))
  .sort((a, b) => a.at - b.at)
  .map(({ kind }) => kind);

const DIMENSION = 32;
const ROWS = 400;

const QUERY = Array.from({ length: DIMENSION }, (_, k) => Math.sin(k + 1));

/** 400 rows of 40 identities under six cameras. */
function smallSet(): Uint8Array<ArrayBuffer> {
  const features = Float32Array.from({ length: ROWS * DIMENSION }, (_, i) => Math.sin(i * i));
  const identities = Int32Array.from({ length: ROWS }, (_, i) => i % 40);
  const cameras = Int32Array.from({ length: ROWS }, (_, i) => Math.floor(i / 40) % 6);
  return serialiseNpz({
    count: ROWS,
    dimension: DIMENSION,
    features,
    identities,
    cameras,
  }) as Uint8Array<ArrayBuffer>;
}

function isServed(status: Sample['status']): boolean {
  return typeof status === 'number' && status < 300;
}

/** @param sent seconds in which they were sent, and `answered` in which all were answered. */
function reportOf(samples: readonly Sample[], sent: number, answered: number): PhaseReport {
  const answers: Record<string, number> = {};
  for (const { status } of samples) answers[status] = (answers[status] ?? 0) + 1;
  const served = samples.filter(({ status }) => isServed(status));
  const latencies = Object.fromEntries(
    kinds.map((kind) => [kind, latenciesOf(served.filter((sample) => sample.kind === kind))]),
  ) as Record<Kind, Latencies>;
  return {
    seconds: sent,
    due: samples.length / sent,
    served: served.length / answered,
    answers,
    latencies,
  };
}

function latenciesOf(samples: readonly Sample[]): Latencies {
  const sorted = samples.map(({ milliseconds }) => milliseconds).sort((a, b) => a - b);
  const at = (share: number) => Math.round(sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN);
  return { count: sorted.length, p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

/** Markdown tables of a load. */
export function renderLoad({
  ramp,
  steady,
  overload,
  recoverySeconds,
  recovered,
  jobs,
  memory,
}: LoadReport): string {
  const phases = { steady, overload, recovered };
  const lines = [
    '| phase | seconds | due a second | served a second | answers | p50, p95, p99 of embeddings | search | uploads | evaluations |',
    '| --- | --: | --: | --: | --- | --- | --- | --- | --- |',
    ...Object.entries(phases).map(([name, { seconds, due, served, answers, latencies }]) => {
      const times = kinds.map((kind) => {
        const { p50, p95, p99 } = latencies[kind];
        return `${p50}, ${p95}, ${p99} ms`;
      });
      const statuses = Object.entries(answers).map(([status, count]) => `${status}: ${count}`);
      const cells = [name, seconds, due.toFixed(0), served.toFixed(0), statuses.join(', '), ...times];
      return `| ${cells.join(' | ')} |`;
    }),
    '',
    '| what | figure |',
    '| --- | --: |',
    ...ramp.map(({ clients, rate }) => `| ${clients} clients in turn | ${rate.toFixed(0)} a second |`),
    `| recovery | ${recoverySeconds.toFixed(1)} s |`,
    `| evaluations accepted, succeeded | ${jobs.accepted}, ${jobs.succeeded} |`,
  ];
  for (const phase of new Set(memory.map((sample) => sample.phase))) {
    const bytes = memory.filter((sample) => sample.phase === phase).map((sample) => sample.bytes);
    const [first, last, most] = [bytes[0], bytes.at(-1) as number, Math.max(...bytes)];
    const megabytes = [first, last, most].map((value) => `${(value / 1e6).toFixed(0)} MB`);
    lines.push(`| workerd, resident, ${phase}: first, last, most | ${megabytes.join(', ')} |`);
  }
  return lines.join('\n');
}
