import { createRandom } from '@softmargin/shared/random.ts';
import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import { serialiseNpy } from '@softmargin/shared/sets/npy.ts';
import { describe, expect, test } from 'vitest';
import { npyFile } from '../../test/npy.ts';
import { quantised, randomSet } from '../../test/slow-evaluation.ts';
import { archiveOf, rowsOf } from '../test/archives.ts';
import { type Answer, send, sendJson } from '../test/client.ts';
import { uploadSet } from '../test/sets.ts';

// Blocks of 1024 rows: three whole ones and a piece.
const DIMENSION = 512;
const BLOCK = 1024;
const set = randomSet(createRandom(3), 3 * BLOCK + 50, DIMENSION, quantised);
const ranges = [
  [0, BLOCK],
  [BLOCK, 3 * BLOCK],
  [3 * BLOCK, set.count],
] as const;
const parts = ranges.map(([start, end]) => rowsOf(set, start, end));

async function begin(
  name: string,
  request: object = { count: set.count, dimension: DIMENSION },
): Promise<string> {
  const answer = await sendJson('POST', `/v1/sets/${name}/uploads`, request);
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  const path = answer.headers.get('Location') as string;
  expect(path).toBe(`/v1/sets/${name}/uploads/${answer.body.id}`);
  return path;
}

function putPart(path: string, part: number, rows: EmbeddingSet): Promise<Answer> {
  return send('PUT', `${path}/parts/${part}`, archiveOf(rows));
}

function putFeatures(path: string, part: number, rows: EmbeddingSet): Promise<Answer> {
  const bytes = serialiseNpy(rows.features, [rows.count, rows.dimension]);
  return send('PUT', `${path}/parts/${part}`, bytes as BodyInit);
}

test('an upload says the rule of its parts and when it expires', async () => {
  const { body } = await send('GET', await begin('rule', { count: 70, dimension: 8192, dtype: 'float32' }));
  expect(body).toEqual({
    id: expect.any(String),
    object: 'upload',
    set: 'rule',
    kind: 'embeddings',
    count: 70,
    dimension: 8192,
    dtype: 'float32',
    partRule: { rowsMultipleOf: 64, maxBytes: 100_000_000, maxRows: 8192, maxParts: 10_000 },
    parts: [],
    rows: 0,
    createdAt: expect.any(String),
    expiresAt: expect.any(String),
  });
  const { createdAt, expiresAt } = body as unknown as { createdAt: string; expiresAt: string };
  expect(Date.parse(expiresAt) - Date.parse(createdAt)).toBe(24 * 3600 * 1000);
});

test('parts in any order and twice make the set that one body makes, to the byte', async () => {
  const { sha256 } = (await uploadSet('whole', set)).body;
  const path = await begin('in-parts');
  for (const part of [3, 1, 2]) {
    expect((await putPart(path, part, parts[part - 1])).status).toBe(201);
    expect((await send('GET', '/v1/sets/in-parts')).status).toBe(404);
  }
  const again = await putPart(path, 1, parts[0]);
  expect(again.status).toBe(200);
  const upload = (await send('GET', path)).body as unknown as { parts: object[]; rows: number };
  expect(upload.rows).toBe(set.count);
  expect(upload.parts[0]).toEqual(again.body);
  expect(upload.parts).toHaveLength(3);

  const done = await sendJson('POST', `${path}/complete`, { sha256 });
  expect(done.status).toBe(201);
  expect(done.body).toMatchObject({ id: 'in-parts', sha256, count: set.count, dimension: DIMENSION });
  expect((await send('GET', '/v1/sets/in-parts')).body).toEqual(done.body);
  // The upload has ended with it.
  expect((await send('GET', path)).status).toBe(404);
  expect((await putPart(path, 1, parts[0])).body.error.code).toBe('upload_not_found');
});

test('labels at completion, as JSON or as an archive, make the same set', async () => {
  const { sha256 } = (await uploadSet('whole', set)).body;
  const labels = { identities: [...set.identities], cameras: [...set.cameras] };
  for (const body of [JSON.stringify(labels), archiveOf(set, ['cameras', 'identities'])]) {
    const path = await begin('late-labels');
    for (const [i, part] of parts.entries()) await putFeatures(path, i + 1, part);
    const done = await send('POST', `${path}/complete?sha256=${sha256}`, body);
    expect(done.status, JSON.stringify(done.body)).toBeLessThan(300);
    expect(done.body.sha256).toBe(sha256);
  }
});

test('one body, with its arrays in whatever order, packed or not, as JSON or in one part', async () => {
  const small = rowsOf(set, 0, 3);
  const hashes = new Set<string>();
  for (const order of [
    ['features', 'identities', 'cameras'],
    ['cameras', 'features', 'identities'],
    ['identities', 'cameras', 'features'],
  ]) {
    for (const level of [0, 9] as const) {
      const { status, body } = await send('PUT', '/v1/sets/order', archiveOf(small, order, {}, level));
      expect(status).toBeLessThan(300);
      hashes.add(body.sha256);
    }
  }
  const features = [0, 1, 2].map((i) => [...small.features.slice(i * DIMENSION, (i + 1) * DIMENSION)]);
  const json = { features, identities: [...small.identities], cameras: [...small.cameras] };
  hashes.add((await sendJson('PUT', '/v1/sets/json', json)).body.sha256);
  const path = await begin('part', { count: 3, dimension: DIMENSION });
  await putPart(path, 1, small);
  hashes.add((await send('POST', `${path}/complete`)).body.sha256);
  expect([...hashes]).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
});

test('a part with other content takes the place of the one before', async () => {
  const path = await begin('replaced');
  for (const [i, part] of parts.entries()) await putPart(path, i + 1, part);
  const features = parts[1].features.slice();
  features[0] += 1;
  const other = await putPart(path, 2, { ...parts[1], features });
  expect(other.status).toBe(200);
  const { sha256 } = (await uploadSet('whole', set)).body;
  const refused = await sendJson('POST', `${path}/complete`, { sha256 });
  expect([refused.status, refused.body.error.param]).toEqual([422, 'sha256']);
  expect((await send('GET', '/v1/sets/replaced')).status).toBe(404);

  await putPart(path, 2, parts[1]);
  expect((await sendJson('POST', `${path}/complete`, { sha256 })).status).toBe(201);
});

test('the same part twice at the same time, and all of them at once', async () => {
  const path = await begin('at-once');
  const answers = await Promise.all(
    [1, 2, 3, 3, 2, 1, 1].map((part) => putPart(path, part, parts[part - 1])),
  );
  expect(answers.map(({ status }) => status).every((status) => status === 200 || status === 201)).toBe(true);
  const { sha256 } = (await uploadSet('whole', set)).body;
  const completions = await Promise.all(
    [0, 1, 2].map(() => sendJson('POST', `${path}/complete`, { sha256 })),
  );
  const statuses = completions.map(({ status }) => status).sort();
  expect(statuses[0]).toBe(201);
  for (const status of statuses.slice(1)) expect([404, 409]).toContain(status);
  expect((await send('GET', '/v1/sets/at-once')).body.sha256).toBe(sha256);
});

test('an upload that is deleted is gone', async () => {
  const path = await begin('deleted');
  await putPart(path, 1, parts[0]);
  expect((await send('DELETE', path)).body).toMatchObject({ object: 'upload', deleted: true });
  for (const [method, at] of [
    ['GET', path],
    ['DELETE', path],
    ['POST', `${path}/complete`],
  ]) {
    const { status, body } = await send(method, at);
    expect([status, body.error.param, body.error.code]).toEqual([404, 'upload', 'upload_not_found']);
  }
});

describe('what is refused', () => {
  test.each<[string, object, string]>([
    ['no count', { dimension: 2 }, 'count'],
    ['no rows', { count: 0, dimension: 2 }, 'count'],
    ['too many rows', { count: 1_000_001, dimension: 2 }, 'count'],
    ['half a dimension', { count: 1, dimension: 2.5 }, 'dimension'],
    ['too wide', { count: 1, dimension: 8193 }, 'dimension'],
    ['too many bytes', { count: 1_000_000, dimension: 8192 }, 'count'],
    ['an unknown type', { count: 1, dimension: 2, dtype: 'int8' }, 'dtype'],
    ['a field more', { count: 1, dimension: 2, rows: 3 }, 'rows'],
  ])('an upload with %s', async (_, request, param) => {
    const { status, body } = await sendJson('POST', '/v1/sets/refused/uploads', request);
    expect([status, body.error.param]).toEqual([400, param]);
  });

  test('parts that cannot be of the set', async () => {
    const path = await begin('misfits', { count: 3000, dimension: DIMENSION, dtype: 'float32' });
    const doubles = npyFile({ descr: "'<f8'", shape: '(1024, 512)' }, new Uint8Array(8));
    for (const [rows, message] of [
      [
        serialiseNpy(new Float32Array(7 * 256), [7, 256]),
        '256 columns; the upload was begun with dimension 512',
      ],
      [
        serialiseNpy(new Float32Array(3072 * 512), [3072, 512]),
        '3072 rows; the whole upload was begun with count 3000',
      ],
      [
        serialiseNpy(new Float32Array(1000 * 512), [1000, 512]),
        '1000 rows; every part but the last has a multiple of 1024, the last one 952',
      ],
      [doubles, 'type f8; the upload was begun with dtype float32 (f4)'],
    ] as const) {
      const { status, body } = await send('PUT', `${path}/parts/1`, rows as BodyInit);
      expect([status, body.error.param]).toEqual([400, 'features']);
      expect(body.error.message).toContain(`features of part 1: ${message}`);
    }
    expect((await send('GET', path)).body).toMatchObject({ parts: [], rows: 0 });
  });

  test.each(['0', '-1', '1.5', '10001', 'x', '1e9'])('part number %s', async (part) => {
    const { status, body } = await send(
      'PUT',
      `${await begin('numbers')}/parts/${part}`,
      archiveOf(parts[0]),
    );
    expect([status, body.error.param]).toEqual([400, 'part']);
  });

  test('completion before the last part, or with one missing in between', async () => {
    const path = await begin('early');
    const complete = async () => (await send('POST', `${path}/complete`)).body.error;
    expect(await complete()).toMatchObject({ param: 'parts', code: 'upload_incomplete' });
    await putPart(path, 1, parts[0]);
    expect((await complete()).message).toBe('parts: 1024 of 3122 rows are there.');
    await putPart(path, 3, parts[2]);
    expect((await complete()).message).toContain('part 2 is missing');
    // The piece that only the last part may have, in between.
    await putPart(path, 2, parts[2]);
    expect((await complete()).message).toContain('part 2 has 50 rows');
    await putPart(path, 2, parts[1]);
    expect((await send('POST', `${path}/complete`)).status).toBe(201);
  });

  test('labels that come twice, by half, not at all or for other rows', async () => {
    const path = await begin('labels');
    await putFeatures(path, 1, parts[0]);
    await putPart(path, 2, parts[1]);
    await putFeatures(path, 3, parts[2]);
    const complete = async (completion: object) => {
      const { status, body } = await sendJson('POST', `${path}/complete`, completion);
      expect(status).toBe(400);
      return `${body.error.param}: ${body.error.message}`;
    };
    const identities = [...set.identities];
    const cameras = [...set.cameras];
    expect(await complete({})).toContain('identities: identities: part 1 came without labels');
    expect(await complete({ identities, cameras })).toContain('with part 2');
    await putFeatures(path, 2, parts[1]);
    expect(await complete({ identities })).toContain('cameras: cameras: every set has them');
    expect(await complete({ identities: identities.slice(1), cameras })).toContain('3121 entries for 3122');
    expect(await complete({ identities, cameras: [0.5, ...cameras.slice(1)] })).toContain(
      'cameras[0] is 0.5',
    );
    const half = await send('PUT', `${path}/parts/1`, archiveOf(parts[0], ['features', 'cameras']));
    expect([half.status, half.body.error.param]).toEqual([400, 'identities']);
    expect((await sendJson('POST', `${path}/complete`, { identities, cameras })).status).toBe(201);
  });

  test('features at completion, and a hash that is none', async () => {
    const path = await begin('features');
    const answer = await send('POST', `${path}/complete`, archiveOf(parts[0]));
    expect([answer.status, answer.body.error.param]).toEqual([400, 'features']);
    const hash = await sendJson('POST', `${path}/complete`, { sha256: 'ABC' });
    expect([hash.status, hash.body.error.param]).toEqual([400, 'sha256']);
  });

  test('an upload under the name of another set', async () => {
    const path = (await begin('mine')).replace('/mine/', '/yours/');
    for (const [method, at, body] of [
      ['GET', path],
      ['PUT', `${path}/parts/1`, archiveOf(parts[0])],
      ['POST', `${path}/complete`],
      ['DELETE', path],
    ] as const) {
      const answer = await send(method, at, body);
      expect([answer.status, answer.body.error.code]).toEqual([404, 'upload_not_found']);
    }
  });
});
