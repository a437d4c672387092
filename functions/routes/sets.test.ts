import { createRandom } from '@softmargin/shared/random.ts';
import { describe, expect, test } from 'vitest';
import { quantised, randomSet } from '../../test/slow-evaluation.ts';
import { send, sendJson } from '../test/client.ts';
import { uploadSet } from '../test/sets.ts';

const small = {
  features: [
    [1, 2],
    [3, 4.5],
  ],
  identities: [1, 2],
  cameras: [0, 1],
};

test('a set is stored, described, listed and replaced', async () => {
  const created = await sendJson('PUT', '/v1/sets/Query-1', small);
  expect(created.status).toBe(201);
  expect(created.headers.get('Location')).toBe('/v1/sets/Query-1');
  expect(created.body).toEqual({
    id: 'Query-1',
    object: 'set',
    kind: 'embeddings',
    groups: null,
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    count: 2,
    dimension: 2,
    identities: 2,
    cameras: 2,
    createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
  });
  expect((await send('GET', '/v1/sets/Query-1')).body).toEqual(created.body);
  expect((await send('GET', '/v1/sets')).body).toEqual({
    object: 'list',
    data: [created.body],
    hasMore: false,
  });

  const replaced = await sendJson('PUT', '/v1/sets/Query-1', { ...small, cameras: [1, 1] });
  expect(replaced.status).toBe(200);
  expect(replaced.body.sha256).not.toBe(created.body.sha256);
});

test('the same content has the same hash, as JSON and as .npz, under any name', async () => {
  const set = {
    count: 2,
    dimension: 2,
    features: new Float32Array([1, 2, 3, 4.5]),
    identities: new Int32Array([1, 2]),
    cameras: new Int32Array([0, 1]),
  };
  const { sha256 } = (await uploadSet('as-npz', set)).body;
  expect((await sendJson('PUT', '/v1/sets/as-json', small)).body.sha256).toBe(sha256);
  // The same numbers in another shape are other content.
  const flat = { ...set, count: 4, dimension: 1, identities: new Int32Array(4), cameras: new Int32Array(4) };
  expect((await uploadSet('flat', flat)).body.sha256).not.toBe(sha256);
});

test('a set of several blocks', async () => {
  const set = randomSet(createRandom(1), 3000, 512, quantised);
  expect((await uploadSet('blocks', set)).body).toMatchObject({ count: 3000, dimension: 512 });
});

describe('what is refused', () => {
  test.each([
    ['no field', {}, 'features'],
    ['no rows', { ...small, features: [] }, 'features'],
    ['rows of two lengths', { ...small, features: [[1, 2], [3]] }, 'features'],
    [
      'a number as text',
      {
        ...small,
        features: [
          [1, '2'],
          [3, 4],
        ],
      },
      'features',
    ],
    [
      'an overflow of float32',
      {
        ...small,
        features: [
          [1, 1e39],
          [3, 4],
        ],
      },
      'features',
    ],
    ['too few identities', { ...small, identities: [1] }, 'identities'],
    ['half an identity', { ...small, identities: [1, 2.5] }, 'identities'],
    ['a camera above 32 bits', { ...small, cameras: [0, 2 ** 31] }, 'cameras'],
    ['null for cameras', { ...small, cameras: null }, 'cameras'],
  ])('%s', async (_, set, param) => {
    const { status, body } = await sendJson('PUT', '/v1/sets/refused', set);
    expect(status).toBe(400);
    expect(body.error).toMatchObject({ param, code: 'invalid_set' });
    expect(body.error.message).toContain(param);
    expect((await send('GET', '/v1/sets/refused')).status).toBe(404);
  });

  test('what is neither JSON nor an archive', async () => {
    const { status, body } = await send('PUT', '/v1/sets/refused', new Uint8Array([0x7f, 0x45, 0x4c]));
    expect(status).toBe(400);
    expect(body.error.message).toContain('.npz');
  });
});
