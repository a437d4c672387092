import { evaluate } from '@softmargin/shared/metrics/evaluate.ts';
import { verifySets } from '@softmargin/shared/metrics/verify-sets.ts';
import { createRandom } from '@softmargin/shared/random.ts';
import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import { serialiseNpz } from '@softmargin/shared/sets/npz.ts';
import { afterEach, expect, test } from 'vitest';
import { kernel } from '../../test/kernel.ts';
import { runDying, SURROUNDINGS, uploadDying } from './dying-job.ts';
import { MortalServer } from './mortal-server.ts';

const RULE = { protocol: 'market1501', distance: 'cosine', verification: true } as const;

let server: MortalServer;
afterEach(() => server.remove());

test('a job of embeddings that is killed at ten moments ends with the bits of one that is not', {
  timeout: 900_000,
}, async () => {
  const [shards, queriesPerShard, dimension] = [50, 20, 32];
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
  await uploadDying(server, 'gallery', { count: gallery.count, dimension }, parts);
  const stored = await server.ask('PUT', '/v1/sets/query', serialiseNpz(query) as Uint8Array<ArrayBuffer>);
  expect(stored.status).toBe(201);

  const end = await runDying(server, { query: 'query', gallery: 'gallery', ...RULE }, [
    { stage: 'ranking', share: 0.02 },
    { stage: 'ranking', share: 0.3 },
    { stage: 'ranking', share: 0.6 },
    { stage: 'pairs', share: 0.02 },
    { stage: 'pairs', share: 0.3 },
    { stage: 'pairs', share: 0.6 },
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
