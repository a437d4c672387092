import { zipSync } from 'fflate';
import { beforeAll, expect, test } from 'vitest';
import { fetchWorker, picture, send, sendJson, withoutPixels } from '../test/client.ts';

const files: Record<string, Uint8Array<ArrayBuffer>> = {
  '0003_c2s1_000001_00.png': picture('png'),
  '-1_c1s1_000002_00.jpg': picture('jpeg'),
  '0007_c4s1_000003_00.png': new TextEncoder().encode('no picture') as Uint8Array<ArrayBuffer>,
};

beforeAll(async () => {
  const zip = zipSync(files) as Uint8Array<ArrayBuffer>;
  expect((await send('PUT', '/v1/sets/items-pictures?names=market1501', zip)).status).toBe(201);
  const features = [[1], [2], [3]];
  const set = { features, identities: [5, -1, 6], cameras: [1, 2, 1], groups: [8, 9, 9] };
  expect((await sendJson('PUT', '/v1/sets/items-embeddings', set)).status).toBe(201);
});

test('items are listed in order, with labels, paths and what is wrong', async () => {
  const { body } = await send('GET', '/v1/sets/items-pictures/items');
  expect(body).toMatchObject({
    object: 'list',
    set: 'items-pictures',
    hasMore: false,
    data: [
      { index: 0, identity: 3, camera: 2, path: '0003_c2s1_000001_00.png' },
      { index: 1, identity: -1, camera: 1, path: '-1_c1s1_000002_00.jpg' },
      { index: 2, identity: 7, camera: 4, problem: { code: 'picture_unsupported' } },
    ],
  });
  expect(body.data[0]).not.toHaveProperty('problem');
});

test('page by page', async () => {
  const first = await send('GET', '/v1/sets/items-embeddings/items?limit=2');
  expect(first.body.hasMore).toBe(true);
  expect(first.body.data).toEqual([
    { index: 0, identity: 5, camera: 1, group: 8 },
    { index: 1, identity: -1, camera: 2, group: 9 },
  ]);
  const second = await send('GET', '/v1/sets/items-embeddings/items?limit=2&after=1');
  expect(second.body.data).toEqual([{ index: 2, identity: 6, camera: 1, group: 9 }]);
  expect(second.body.hasMore).toBe(false);
  expect((await send('GET', '/v1/sets/items-embeddings/items?after=99')).body.data).toEqual([]);
});

test('a picture comes back byte by byte, as nothing that a browser would run', async () => {
  for (const [index, path] of Object.keys(files).slice(0, 2).entries()) {
    const response = await fetchWorker(`/v1/sets/items-pictures/pictures/${index}`);
    expect(response.status).toBe(200);
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(files[path]);
    expect(response.headers.get('Content-Type')).toBe(path.endsWith('.png') ? 'image/png' : 'image/jpeg');
    expect(response.headers.get('X-Content-Type-Options')).toBe('nosniff');
    expect(response.headers.get('Content-Security-Policy')).toMatch(/default-src 'none'.*sandbox/);
  }
});

test('a picture whose pixels are missing is given as it is: its header was all that was checked', async () => {
  const file = withoutPixels(picture('png'));
  const zip = zipSync({ '0001_c1s1_1.png': file }) as Uint8Array<ArrayBuffer>;
  await send('PUT', '/v1/sets/items-hollow?names=market1501', zip);
  const response = await fetchWorker('/v1/sets/items-hollow/pictures/0');
  expect(new Uint8Array(await response.arrayBuffer())).toEqual(file);
});

test.each([
  ['/v1/sets/items-pictures/pictures/2', 404, 'picture_not_found'],
  ['/v1/sets/items-pictures/pictures/3', 404, 'picture_not_found'],
  ['/v1/sets/items-embeddings/pictures/0', 404, 'picture_not_found'],
  ['/v1/sets/items-absent/pictures/0', 404, 'set_not_found'],
  ['/v1/sets/items-absent/items', 404, 'set_not_found'],
  ['/v1/sets/items-pictures/pictures/-1', 400, 'invalid_value'],
  ['/v1/sets/items-pictures/pictures/a', 400, 'invalid_value'],
  ['/v1/sets/items-pictures/items?limit=101', 400, 'invalid_value'],
  ['/v1/sets/items-pictures/items?page=1', 400, 'unknown_field'],
])('%s is %i', async (path, status, code) => {
  const answer = await send('GET', path);
  expect(answer.status).toBe(status);
  expect(answer.body.error.code).toBe(code);
});
