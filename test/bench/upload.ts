import * as z from 'zod';
import { serialiseNpz } from '../../shared/sets/npz.ts';
import { type Server, startServer } from '../server.ts';
import { workerdBytes } from './resident-memory.ts';

/** How a large upload in parts went, and an evaluation against what it left. */
export interface UploadReport {
  readonly rows: number;
  readonly dimension: number;
  readonly bytes: number;
  readonly parts: number;
  readonly uploadSeconds: number;
  readonly completionSeconds: number;
  /** Megabytes a second of the parts. */
  readonly rate: number;
  /** The largest resident size of workerd, in bytes: when it had started, during parts, completion, evaluation. */
  readonly workerd: Readonly<Record<Phase, number>>;
  readonly evaluation: {
    readonly queries: number;
    readonly shards: number;
    readonly seconds: number;
    readonly mAP: number;
  };
}

const phases = ['started', 'parts', 'completion', 'evaluation'] as const;

type Phase = (typeof phases)[number];

const QUERIES = 1_000;
/** Items of an identity. */
const PER_IDENTITY = 20;
const IDENTITIES_SEEN_BY = 6;

const uploadSchema = z.object({
  id: z.string(),
  partRule: z.object({ rowsMultipleOf: z.int().positive(), maxBytes: z.int(), maxRows: z.int() }),
});

const evaluationSchema = z.object({
  state: z.string(),
  progress: z.object({ shards: z.object({ total: z.int() }) }),
  result: z.object({ mAP: z.number() }).optional(),
});

/**
 * Uploads a set in parts to the server that `npm start` starts, generated as it goes, and evaluates queries against
 * it. Of the features one block is in memory here.
 *
 * @throws {Error} where the service refuses something, or the evaluation does not succeed.
 */
export async function measureUpload(
  rows: number,
  dimension: number,
  note: (line: string) => void,
): Promise<UploadReport> {
  const server = await startServer();
  const memory = new ResidentMemory(server.child.pid as number);
  try {
    return await upload(server, memory, rows, dimension, note);
  } finally {
    memory.stop();
    await server.stop();
  }
}

async function upload(
  { url, authorized }: Server,
  memory: ResidentMemory,
  rows: number,
  dimension: number,
  note: (line: string) => void,
): Promise<UploadReport> {
  const json = async (path: string, init: RequestInit): Promise<unknown> => {
    const headers = { ...authorized, ...(init.headers as Record<string, string> | undefined) };
    const response = await fetch(`${url}${path}`, { ...init, headers });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  const post = (path: string, body: object) =>
    json(path, { method: 'POST', body: JSON.stringify(body), headers: JSON_HEADERS });
  const features = new SyntheticFeatures(dimension);

  const begun = uploadSchema.parse(await post('/v1/sets/gallery/uploads', { count: rows, dimension }));
  const { rowsMultipleOf, maxBytes, maxRows } = begun.partRule;
  const fitting = Math.min(maxRows, Math.floor((maxBytes - 1024) / (4 * dimension)));
  const perPart = Math.max(1, Math.floor(fitting / rowsMultipleOf)) * rowsMultipleOf;
  const parts = Math.ceil(rows / perPart);
  memory.phase = 'parts';
  const startedAt = performance.now();
  for (let part = 0; part < parts; part++) {
    const start = part * perPart;
    const count = Math.min(perPart, rows - start);
    await json(`/v1/sets/gallery/uploads/${begun.id}/parts/${part + 1}`, {
      method: 'PUT',
      body: ReadableStream.from(features.npy(start, count)),
      duplex: 'half',
    } as RequestInit);
    note(`part ${part + 1} of ${parts}`);
  }
  const uploadSeconds = (performance.now() - startedAt) / 1000;

  note('completion, with the labels as CSV');
  memory.phase = 'completion';
  const labels = ['identity,camera'];
  for (let row = 0; row < rows; row++) labels.push(`${identityOf(row)},${row % IDENTITIES_SEEN_BY}`);
  const completedAt = performance.now();
  await json(`/v1/sets/gallery/uploads/${begun.id}/complete`, {
    method: 'POST',
    body: `${labels.join('\n')}\n`,
  });
  const completionSeconds = (performance.now() - completedAt) / 1000;

  memory.phase = 'evaluation';
  const queries = Math.min(QUERIES, rows);
  await json('/v1/sets/query', { method: 'PUT', body: features.queries(queries) as Uint8Array<ArrayBuffer> });
  const evaluatedAt = performance.now();
  const { id } = z.object({ id: z.string() }).parse(
    await post('/v1/evaluations', {
      query: 'query',
      gallery: 'gallery',
      protocol: 'market1501',
      distance: 'cosine',
    }),
  );
  let last = '';
  for (;;) {
    const evaluation = await json(`/v1/evaluations/${id}`, {});
    const { state, progress, result } = evaluationSchema.parse(evaluation);
    const seconds = (performance.now() - evaluatedAt) / 1000;
    if (result !== undefined) {
      const bytes = 4 * rows * dimension;
      return {
        ...{ rows, dimension, bytes, parts, uploadSeconds, completionSeconds },
        rate: bytes / 1e6 / uploadSeconds,
        workerd: memory.most,
        evaluation: { queries, shards: progress.shards.total, seconds, mAP: result.mAP },
      };
    }
    if (state !== 'queued' && state !== 'running') throw new Error(JSON.stringify(evaluation));
    const line = JSON.stringify(progress);
    if (line !== last) note(`evaluation: ${line}`);
    last = line;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

const JSON_HEADERS = { 'Content-Type': 'application/json' };

/** Of consecutive rows: the queries, which are the first, are of many identities. */
function identityOf(row: number): number {
  return 1 + Math.floor(row / PER_IDENTITY);
}

/** Rows that are all different and cost next to nothing: noise that repeats, and the row's own number. */
class SyntheticFeatures {
  readonly #dimension: number;
  readonly #noise: Float32Array;

  constructor(dimension: number) {
    this.#dimension = dimension;
    // The low bits of a linear congruence: what they are does not matter.
    let state = 1;
    this.#noise = Float32Array.from({ length: 64 * dimension }, () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
      return state / 2 ** 31;
    });
  }

  /** Rows as a `.npy` file, some at a time. */
  *npy(start: number, count: number): Generator<Uint8Array> {
    const shape = `{'descr': '<f4', 'fortran_order': False, 'shape': (${count}, ${this.#dimension}), }`;
    const header = new Uint8Array(128).fill(0x20);
    header.set([0x93, ...Buffer.from('NUMPY'), 1, 0, 118, 0]);
    header.set(Buffer.from(shape), 10);
    header[127] = 0x0a;
    yield header;
    for (let row = start; row < start + count; row += 64) {
      yield new Uint8Array(this.#rows(row, Math.min(64, start + count - row)).buffer);
    }
  }

  /** Queries: the rows of the set, a little moved, under a camera of their own. */
  queries(count: number): Uint8Array {
    const features = this.#rows(0, count).map(
      (value, i) => value + 0.1 * this.#noise[(7 * i) % this.#noise.length],
    );
    const identities = Int32Array.from({ length: count }, (_, row) => identityOf(row));
    const cameras = new Int32Array(count).fill(IDENTITIES_SEEN_BY);
    return serialiseNpz({ count, dimension: this.#dimension, features, identities, cameras });
  }

  #rows(start: number, count: number): Float32Array {
    const rows = new Float32Array(count * this.#dimension);
    for (let i = 0; i < count; i++) {
      const noise = (i % 64) * this.#dimension;
      rows.set(this.#noise.subarray(noise, noise + this.#dimension), i * this.#dimension);
      rows[i * this.#dimension] = (start + i) / 1e6;
    }
    return rows;
  }
}

/** The resident size of the workerd processes that descend from one, looked at several times a second. */
class ResidentMemory {
  phase: Phase = 'started';
  readonly most: Record<Phase, number> = { started: 0, parts: 0, completion: 0, evaluation: 0 };
  readonly #timer: NodeJS.Timeout;

  constructor(root: number) {
    this.#timer = setInterval(() => {
      this.most[this.phase] = Math.max(this.most[this.phase], workerdBytes(root));
    }, 200);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** A Markdown table of an upload. */
export function renderUpload(report: UploadReport): string {
  const { rows, dimension, bytes, parts, uploadSeconds, rate, completionSeconds, workerd, evaluation } =
    report;
  const megabytes = (value: number) => (value === 0 ? '–' : `${(value / 1e6).toFixed(0)} MB`);
  return [
    '| what | figure |',
    '| --- | --: |',
    `| set | ${rows} × ${dimension}, ${(bytes / 1e9).toFixed(2)} GB in ${parts} parts |`,
    `| parts | ${uploadSeconds.toFixed(1)} s, ${rate.toFixed(0)} MB a second |`,
    `| completion, with labels as CSV | ${completionSeconds.toFixed(1)} s |`,
    `| ${evaluation.queries} queries against it | ${evaluation.seconds.toFixed(1)} s in ${evaluation.shards} shards |`,
    ...phases.map((phase) => `| workerd, resident at most: ${phase} | ${megabytes(workerd[phase])} |`),
  ].join('\n');
}
