import { env, exports } from 'cloudflare:workers';
import { createRandom } from '@softmargin/shared/random.ts';
import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import { expect, test } from 'vitest';
import { picture, send } from '../test/client.ts';
import { type ClientOptions, collect, type Evaluation, SoftmarginClient, SoftmarginError } from './client.ts';

/** A client in a Worker, of the Worker under test. */
function clientOf(options: Partial<ClientOptions> = {}): SoftmarginClient {
  return new SoftmarginClient({
    url: 'http://softmargin/',
    key: env.API_KEY,
    fetch: (...request) => exports.default.fetch(...request),
    ...options,
  });
}

const client = clientOf();

function randomSet(seed: number, count: number, dimension = 8): EmbeddingSet {
  const random = createRandom(seed);
  return {
    count,
    dimension,
    features: Float32Array.from({ length: count * dimension }, () => random.normal()),
    identities: Int32Array.from({ length: count }, () => random.integer(10)),
    cameras: Int32Array.from({ length: count }, () => random.integer(3)),
    groups: Int32Array.from({ length: count }, (_, i) => i >> 1),
  };
}

test('health and models', async () => {
  expect(await clientOf({ key: undefined }).health()).toMatchObject({ status: 'ok', simd: true });
  const [model] = await client.models.list();
  expect(model).toMatchObject({ id: 'mnist-wide', dimension: 32 });
  const { manifest } = await client.models.get(model.id);
  expect(manifest).toMatchObject({ format: 1, architecture: 'mnist-wide' });
});

test('pictures are embedded to the bits that the service has, and a broken one is reported', async () => {
  const { rows, errors, modelVersion } = await client.embeddings.create([picture('png'), picture('gif')], {
    model: 'mnist-wide',
  });
  const raw = await send('POST', '/v1/embeddings', picture('png'), { 'Content-Type': 'image/png' });
  expect([...(rows[0] ?? [])]).toEqual(raw.body.data[0].embedding);
  expect(modelVersion).toBe(raw.body.model_version);
  expect(rows[1]).toBeUndefined();
  expect(errors).toMatchObject([{ index: 1, code: 'picture_unsupported' }]);
});

test('a set in one body and one in parts are the same content; sets are listed, searched and deleted', async () => {
  const set = randomSet(1, 20_000);
  const whole = await client.sets.putEmbeddings('client-whole', set);
  expect(whole).toMatchObject({ id: 'client-whole', count: 20_000, dimension: 8, groups: 10_000 });
  const progress: number[] = [];
  const parts = await client.sets.putEmbeddings('client-parts', set, {
    bodyBytes: 500_000,
    onProgress: (done) => progress.push(done),
  });
  expect(parts.sha256).toBe(whole.sha256);
  expect(progress.length).toBeGreaterThan(1);
  expect(progress.at(-1)).toBe(20_000);

  const ids = (await collect(client.sets.list())).map(({ id }) => id);
  expect(ids).toEqual(expect.arrayContaining(['client-parts', 'client-whole']));
  const { data } = await client.sets.searchEmbeddings('client-whole', [set.features.subarray(80, 88)], {
    k: 2,
    distance: 'euclidean',
  });
  expect(data[0].results[0]).toMatchObject({ index: 10, identity: set.identities[10], group: 5 });
  expect(data[0].results).toHaveLength(2);
  expect(await client.sets.delete('client-parts')).toMatchObject({ id: 'client-parts', deleted: true });
  await expect(client.sets.get('client-parts')).rejects.toMatchObject({ status: 404, code: 'set_not_found' });
});

test('pictures become a set, which they are searched in', async () => {
  const pictures = ['0002_c1s1_000000_00.png', '0003_c2s1_000000_00.jpg', '0004_c1s1_000000_00.png'].map(
    (path, i) => ({ path, bytes: picture(['png', 'jpeg', 'gif'][i]) }),
  );
  const set = await client.sets.putPictures('client-pictures', pictures, 'market1501');
  expect(set).toMatchObject({ kind: 'pictures', count: 3, brokenPictures: 1, dimension: null });
  expect(set.errors).toMatchObject([{ index: 2, path: pictures[2].path, code: 'picture_unsupported' }]);

  const { rows } = await client.embeddings.create([pictures[0].bytes]);
  await client.sets.putEmbeddings('client-embedded', {
    count: 1,
    dimension: 32,
    features: rows[0] as Float32Array,
    identities: Int32Array.of(2),
    cameras: Int32Array.of(1),
  });
  const { data } = await client.sets.searchPictures('client-embedded', [pictures[0].bytes]);
  expect(data[0].results).toMatchObject([{ index: 0, identity: 2, camera: 1 }]);
  expect(data[0].results[0].distance).toBeLessThan(1e-6);
});

test('many pictures go in parts, each read when its turn comes, in their order', async () => {
  const names = ['png', 'jpeg', 'gif', 'webp', 'jpeg-grey'];
  let reading = 0;
  const pictures = Array.from({ length: 40 }, (_, i) => ({
    path: `${String(i % 7).padStart(4, '0')}_c${(i % 3) + 1}s1_${String(i).padStart(6, '0')}_00.png`,
    bytes: async () => {
      reading++;
      return picture(names[i % names.length]);
    },
  }));
  const sizes = pictures.map((_, i) => picture(names[i % names.length]).length);
  const partBytes = sizes.reduce((sum, size) => sum + size, 0) / 4;
  const progress: number[] = [];
  const readBefore: number[] = [];
  const onProgress = (done: number, total: number) => {
    progress.push(done);
    readBefore.push(reading);
    expect(total).toBe(40);
  };
  const set = await client.sets.putPictures('client-many', pictures, 'market1501', { partBytes, onProgress });
  expect(set).toMatchObject({ kind: 'pictures', count: 40, brokenPictures: 8, identities: 7, cameras: 3 });
  expect(set.errors?.map(({ index }) => index)).toEqual([2, 7, 12, 17, 22, 27, 32, 37]);
  expect(progress.length).toBeGreaterThan(4);
  expect(progress.at(-1)).toBe(40);
  // One more than the part has, which did not fit into it.
  expect(readBefore).toEqual(progress.map((done) => Math.min(40, done + 1)));
  const { data } = (await send('GET', '/v1/sets/client-many/items')).body as unknown as {
    data: { path: string }[];
  };
  expect(data.map(({ path }) => path)).toEqual(pictures.map(({ path }) => path));

  // A part that is refused takes the upload back.
  const wrong = [...pictures, { path: 'no-label.png', bytes: picture('png') }];
  const failing = client.sets.putPictures('client-wrong', wrong, 'market1501', { partBytes });
  await expect(failing).rejects.toMatchObject({ status: 400, code: 'invalid_set' });
  const uploads = env.CATALOGUE.prepare("SELECT COUNT(*) AS n FROM uploads WHERE set_name = 'client-wrong'");
  expect(await uploads.first('n')).toBe(0);
  const twice = client.sets.putPictures('client-twice', [pictures[0], pictures[0]], 'market1501');
  await expect(twice).rejects.toThrow(/is there twice/);
});

test('an evaluation is planned, watched to its end, read, compared and deleted', async () => {
  await client.sets.putEmbeddings('client-query', randomSet(3, 40));
  await client.sets.putEmbeddings('client-gallery', randomSet(4, 400));
  const request = {
    query: 'client-query',
    gallery: 'client-gallery',
    protocol: 'market1501',
    distance: 'cosine',
    topK: 3,
    bootstrap: { resamples: 1000, seed: 3 },
    verification: true,
  } as const;
  expect((await client.evaluations.plan(request)).plan.shards).toBeGreaterThan(0);

  const first = await client.evaluations.create(request, { idempotencyKey: 'client-test' });
  const again = await client.evaluations.create(request, { idempotencyKey: 'client-test' });
  expect(again.id).toBe(first.id);
  const seen: Evaluation[] = await collect(client.evaluations.watch(first.id));
  const last = seen.at(-1) as Evaluation;
  expect(last).toEqual(await client.evaluations.get(first.id));
  expect(last).toMatchObject({ state: 'succeeded', protocol: 'market1501' });
  expect(last.result?.mAP).toBeGreaterThan(0);
  expect(last.result?.intervals?.mAP).toHaveLength(2);

  const csv = await client.evaluations.csv(first.id);
  expect(csv.split('\n')[0]).toBe('query,identity,camera,averagePrecision,firstMatchRank,skipped');
  for (const figure of ['cmc', 'roc', 'histogram'] as const) {
    expect(await client.evaluations.svg(first.id, figure)).toMatch(/^<svg/);
  }
  const { data, hasMore } = await client.evaluations.queries(first.id, { limit: 2, after: 3 });
  expect(data.map(({ query }) => query)).toEqual([4, 5]);
  expect(data[0].nearest).toHaveLength(3);
  expect(hasMore).toBe(true);

  const other = await client.evaluations.create({ ...request, distance: 'euclidean' });
  await client.evaluations.wait(other.id);
  const { mAP, summary } = await client.evaluations.compare(first.id, other.id);
  expect(mAP.a).toBe(last.result?.mAP);
  expect(summary[0]).toContain('mAP is');

  const succeeded = await collect(client.evaluations.list({ state: 'succeeded' }));
  expect(succeeded.map(({ id }) => id)).toEqual(expect.arrayContaining([first.id, other.id]));
  await expect(client.evaluations.cancel(first.id)).rejects.toMatchObject({
    status: 409,
    code: 'evaluation_finished',
  });
  await client.evaluations.delete(first.id);
  await expect(client.evaluations.wait(first.id)).rejects.toMatchObject({ code: 'evaluation_not_found' });
});

test('a key is made, used within its scopes, listed and revoked', async () => {
  const { key, id, scopes } = await client.keys.create({ name: 'for a test', scopes: ['embed'] });
  expect(scopes).toEqual(['embed']);
  const limited = clientOf({ key });
  expect((await limited.models.list()).length).toBeGreaterThan(0);
  await expect(limited.sets.get('any')).rejects.toMatchObject({ status: 403, code: 'insufficient_scope' });
  expect((await collect(client.keys.list())).map((one) => one.id)).toContain(id);
  expect((await client.keys.get(id)).revokedAt).toBeNull();
  expect((await client.keys.revoke(id)).revokedAt).not.toBeNull();
  await expect(limited.models.list()).rejects.toThrow('The key is unknown, has expired or was revoked');
});

test('an error has the status, the code, the field, the words and the request that the service knows', async () => {
  const refused = client.sets.searchEmbeddings('none', [[1]], { k: 1000 });
  const error = await refused.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(SoftmarginError);
  expect(error).toMatchObject({ status: 400, code: 'invalid_value', param: 'k' });
  expect((error as SoftmarginError).message).toMatch(/^k: /);
  expect((error as SoftmarginError).requestId).toMatch(/./);
  expect(() => clientOf({ url: 'softmargin.example' })).toThrow(
    'The URL of the service is "softmargin.example", not http://… or https://….',
  );
});
