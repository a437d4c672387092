import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { evaluate } from '@softmargin/shared/metrics/evaluate.ts';
import { verifySets } from '@softmargin/shared/metrics/verify-sets.ts';
import { createRandom } from '@softmargin/shared/random.ts';
import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import { serialiseNpz } from '@softmargin/shared/sets/npz.ts';
import { afterAll, expect, test } from 'vitest';
import { freePort } from '../../test/free-port.ts';
import { kernel } from '../../test/kernel.ts';
import { descendants } from '../../test/processes.ts';
import { authorizedFor } from '../../test/server.ts';

/**
 * The whole local server is killed in the midst of a job, again and again, and started on the same state. Nothing
 * is told it beforehand: no signal that it could answer, to any of its processes.
 */
const script = fileURLToPath(new URL('serve.ts', import.meta.url));
const state = mkdtempSync(join(tmpdir(), 'softmargin-kill-'));
/** Of either stage: ranking, and counting pairs. */
const SHARDS = 40;
const QUERIES_PER_SHARD = 20;
const GALLERY = 20_000;
const DIMENSION = 32;
/** What a pair costs beside its product, in the plan: see PAIR_OVERHEAD. */
const PAIR_WORK = DIMENSION + 64;

let server: ChildProcess | undefined;
afterAll(() => {
  if (server !== undefined) killTree(server);
  rmSync(state, { recursive: true, force: true });
});

/** Ends a process and all that descend from it at once. */
function killTree(child: ChildProcess): void {
  const root = child.pid as number;
  for (const pid of [root, ...descendants(root)]) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It ended with its parent.
    }
  }
}

async function start(): Promise<string> {
  const port = await freePort();
  const child = spawn(
    process.execPath,
    [
      ...[script, '--port', String(port), '--persist-to', state, '--quiet'],
      ...['--var', `SHARD_WORK:${QUERIES_PER_SHARD * GALLERY * PAIR_WORK}`, '--var', 'SHARD_TIMEOUT_MS:500'],
    ],
    { stdio: ['ignore', 'ignore', 'ignore'] },
  );
  server = child;
  const url = `http://127.0.0.1:${port}`;
  for (let attempt = 0; attempt < 1200; attempt++) {
    const healthy = await fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (healthy) return url;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('The server did not start.');
}

async function kill(): Promise<void> {
  const child = server as ChildProcess;
  const ended = once(child, 'exit');
  killTree(child);
  await ended;
}

function set(seed: number, count: number): EmbeddingSet {
  const random = createRandom(seed);
  return {
    count,
    dimension: DIMENSION,
    features: Float32Array.from({ length: count * DIMENSION }, () => random.normal()),
    identities: Int32Array.from({ length: count }, () => random.integer(500)),
    cameras: Int32Array.from({ length: count }, () => random.integer(6)),
  };
}

interface Job {
  readonly state: string;
  readonly result: unknown;
  readonly error?: object;
  readonly progress: { readonly shards: { readonly done: number; readonly total: number } };
}

async function job(url: string, path: string): Promise<Job> {
  return (await fetch(url + path, { headers: authorizedFor(state) })).json() as Promise<Job>;
}

test('a job that is killed at many moments ends with the bits of one that is not', {
  timeout: 600_000,
}, async () => {
  const query = set(1, SHARDS * QUERIES_PER_SHARD);
  const gallery = set(2, GALLERY);
  let url = await start();
  for (const [name, content] of Object.entries({ query, gallery })) {
    const body = serialiseNpz(content) as Uint8Array<ArrayBuffer>;
    const response = await fetch(`${url}/v1/sets/${name}`, {
      method: 'PUT',
      headers: authorizedFor(state),
      body,
    });
    expect(response.status).toBe(201);
  }
  const rule = { protocol: 'market1501', distance: 'cosine' } as const;
  const post = () =>
    fetch(`${url}/v1/evaluations`, {
      method: 'POST',
      headers: { ...authorizedFor(state), 'Content-Type': 'application/json', 'Idempotency-Key': 'killed' },
      body: JSON.stringify({ query: 'query', gallery: 'gallery', ...rule, verification: true }),
    });
  // The first time before its answer is there: the key makes it one evaluation all the same.
  const lost = post().catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 30));
  await kill();
  await lost;

  url = await start();
  const path = (await post()).headers.get('Location') as string;
  const moments: number[] = [];
  // Whenever some more shards are done.
  for (const until of [2, 24, SHARDS + 15]) {
    let current = await job(url, path);
    while (current.progress.shards.done < until && current.state !== 'succeeded') {
      await new Promise((resolve) => setTimeout(resolve, 20));
      current = await job(url, path);
    }
    moments.push(current.progress.shards.done);
    await kill();
    url = await start();
  }
  let end = await job(url, path);
  while (end.state === 'queued' || end.state === 'running') {
    await new Promise((resolve) => setTimeout(resolve, 100));
    end = await job(url, path);
  }
  expect(end.error).toBeUndefined();
  expect(end.state).toBe('succeeded');
  expect(end.progress.shards).toEqual({ done: 2 * SHARDS, total: 2 * SHARDS });
  // It was killed while it ran, not before or after.
  expect(moments.filter((done) => done > 0 && done < 2 * SHARDS).length).toBeGreaterThanOrEqual(2);
  const undisturbed = await evaluate(kernel, rule, query, gallery);
  const verification = await verifySets(kernel, rule, query, gallery);
  expect(end.result).toEqual({ ...undisturbed, verification });
  const table = await (await fetch(`${url}${path}/queries.csv`, { headers: authorizedFor(state) })).text();
  expect(table.trimEnd().split('\n')).toHaveLength(1 + query.count);
  await kill();
});
