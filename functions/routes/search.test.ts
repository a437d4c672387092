import { createRandom } from '@softmargin/shared/random.ts';
import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { send, sendJson } from '../test/client.ts';
import { uploadSet } from '../test/sets.ts';

const files = inject('pictures');
const COUNT = 20_000;
const DIMENSION = 32;

interface Found {
  readonly index: number;
  readonly identity: number;
  readonly camera: number;
  readonly distance: number;
}

function randomSet(seed: number, count: number): EmbeddingSet {
  const random = createRandom(seed);
  return {
    count,
    dimension: DIMENSION,
    // Coarse, so that there are ties.
    features: Float32Array.from({ length: count * DIMENSION }, () => random.integer(3) - 1),
    identities: Int32Array.from({ length: count }, () => random.integer(500)),
    cameras: Int32Array.from({ length: count }, () => random.integer(6)),
  };
}

/** More than one stored block. */
const gallery = randomSet(1, COUNT);

function search(request: object, set = 'searched') {
  return sendJson('POST', `/v1/sets/${set}/search`, request);
}

async function resultsOf(request: object, set = 'searched'): Promise<Found[][]> {
  const { status, body } = await search(request, set);
  expect(status, JSON.stringify(body)).toBe(200);
  return body.data.map(({ results }) => results as Found[]);
}

function squareDistances(query: readonly number[]): number[] {
  return Array.from({ length: COUNT }, (_, j) =>
    query.reduce((sum, value, k) => sum + (value - gallery.features[j * DIMENSION + k]) ** 2, 0),
  );
}

beforeAll(async () => {
  await uploadSet('searched', gallery);
});

test('finds what brute force finds, in its order, with labels', async () => {
  const queries = [5, 6, 7].map((seed) => [...randomSet(seed, 1).features]);
  const found = await resultsOf({ embeddings: queries, k: 100, distance: 'squared-euclidean' });
  expect(found).toHaveLength(3);
  for (const [q, query] of queries.entries()) {
    const distances = squareDistances(query);
    const order = distances.map((_, j) => j).sort((a, b) => distances[a] - distances[b] || a - b);
    expect(found[q]).toEqual(
      order.slice(0, 100).map((index) => ({
        index,
        identity: gallery.identities[index],
        camera: gallery.cameras[index],
        distance: distances[index],
      })),
    );
  }
});

test('by the cosine, an item finds itself', async () => {
  const index = 12_345;
  const query = [...gallery.features.subarray(index * DIMENSION, (index + 1) * DIMENSION)];
  const [results] = await resultsOf({ embeddings: [query.map((value) => 3 * value)], k: 1 });
  expect(results[0].index).toBe(index);
  expect(results[0].distance).toBeCloseTo(0, 6);
});

test('pictures are embedded and searched as their embeddings are; one that fails does not sink the rest', async () => {
  const input = [files.png, 'AAAA', files.jpeg];
  const { body } = await search({ input, k: 7 });
  expect(body.errors).toMatchObject([{ index: 1, param: 'input[1]', code: 'picture_unsupported' }]);
  expect(body.data.map(({ index }) => index)).toEqual([0, 2]);
  const embedded = await sendJson('POST', '/v1/embeddings', { input });
  const embeddings = embedded.body.data.map(({ embedding }) => embedding);
  const found = await resultsOf({ embeddings, k: 7 });
  expect(body.data.map(({ results }) => results)).toEqual(found);
});

test('of a small set, all of it is found', async () => {
  await uploadSet('small', randomSet(3, 4));
  const [results] = await resultsOf({ embeddings: [Array(DIMENSION).fill(1)], k: 10 }, 'small');
  expect(results.map(({ index }) => index).sort()).toEqual([0, 1, 2, 3]);
});

describe('is refused', () => {
  const one = Array(DIMENSION).fill(1);
  test.each([
    [{}, null, 'invalid_value'],
    [{ embeddings: [one], input: 'AAAA' }, null, 'invalid_value'],
    [{ embeddings: [] }, 'embeddings', 'invalid_value'],
    [{ embeddings: Array(65).fill(one) }, 'embeddings', 'invalid_value'],
    [{ embeddings: [one, [1, 2]] }, 'embeddings[1]', 'dimension_mismatch'],
    [{ embeddings: [one.with(3, 1e300)] }, 'embeddings[0]', 'invalid_value'],
    [{ embeddings: [one.with(3, 1e30)], distance: 'euclidean' }, 'embeddings', 'invalid_value'],
    [{ embeddings: [one], k: 0 }, 'k', 'invalid_value'],
    [{ embeddings: [one], k: 101 }, 'k', 'invalid_value'],
    [{ embeddings: [one], distance: 'manhattan' }, 'distance', 'invalid_value'],
    [{ embeddings: [one], limit: 3 }, 'limit', 'unknown_field'],
  ])('%#', async (request, param, code) => {
    const { status, body } = await search(request);
    expect(status).toBe(400);
    expect(body.error).toMatchObject({ param, code });
  });

  test('a model of another dimension, and a set that is not there', async () => {
    const flat = { ...randomSet(1, 4), dimension: 8, features: new Float32Array(32).fill(1) };
    await uploadSet('narrow', flat);
    const mismatch = await search({ input: files.png }, 'narrow');
    expect(mismatch.status).toBe(400);
    expect(mismatch.body.error).toMatchObject({ param: 'model', code: 'dimension_mismatch' });
    expect(mismatch.body.error.message).toContain('32 dimensions; the set "narrow" has 8');
    expect((await search({ embeddings: [[1]] }, 'absent')).body.error.code).toBe('set_not_found');
    expect((await send('GET', '/v1/sets/searched/search')).status).toBe(405);
  });
});
