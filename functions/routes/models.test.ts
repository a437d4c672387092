import { env } from 'cloudflare:workers';
import { writeBundle } from '@softmargin/shared/bundle/bundle.ts';
import { mnist2d } from '@softmargin/shared/models/mnist-2d.ts';
import { mnistWide } from '@softmargin/shared/models/mnist-wide.ts';
import { describe, expect, inject, test } from 'vitest';
import { exampleManifest, randomParameters } from '../../test/bundles.ts';
import { send, sendJson } from '../test/client.ts';

const { png } = inject('pictures');

function wide(seed: number): Promise<Uint8Array> {
  return writeBundle(exampleManifest(), randomParameters(mnistWide, seed));
}

async function embed(model: string): Promise<number[]> {
  const { status, body } = await sendJson('POST', '/v1/embeddings', { input: png, model });
  expect(status, JSON.stringify(body)).toBe(200);
  return body.data[0].embedding;
}

test('the built-in model is listed and described', async () => {
  const { body } = await send('GET', '/v1/models');
  expect(body.object).toBe('list');
  expect(body.data[0]).toMatchObject({
    id: 'mnist-wide',
    object: 'model',
    owned_by: 'softmargin',
    architecture: 'mnist-wide',
    dimension: 32,
    input: { height: 28, width: 28, channels: 1 },
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  const single = await send('GET', '/v1/models/mnist-wide');
  expect(single.body).toMatchObject(body.data[0]);
  expect(single.body.manifest.format).toBe(1);
});

test('an uploaded model embeds, and replacing it changes what it gives', async () => {
  const created = await send('PUT', '/v1/models/mine.v1', await wide(1));
  expect(created.status).toBe(201);
  expect(created.headers.get('Location')).toBe('/v1/models/mine.v1');
  expect(created.body).toMatchObject({ id: 'mine.v1', owned_by: 'user', dimension: 32 });
  const first = await embed('mine.v1');
  expect(first).not.toEqual(await embed('mnist-wide'));

  const replaced = await send('PUT', '/v1/models/mine.v1', await wide(2));
  expect(replaced.status).toBe(200);
  expect(replaced.body.sha256).not.toBe(created.body.sha256);
  expect(await embed('mine.v1')).not.toEqual(first);

  await send('PUT', '/v1/models/mine.v1', await wide(1));
  expect(await embed('mine.v1')).toEqual(first);
  expect((await send('GET', '/v1/models')).body.data.map(({ id }: { id: string }) => id)).toContain(
    'mine.v1',
  );
});

test('a model of another architecture and dimension is one more model', async () => {
  const bundle = await writeBundle(exampleManifest('mnist-2d', 2), randomParameters(mnist2d, 3));
  expect((await send('PUT', '/v1/models/flat', bundle)).status).toBe(201);
  expect(await embed('flat')).toHaveLength(2);
});

describe('versions', () => {
  const put = async (name: string, seed: number) => {
    const { body } = await send('PUT', `/v1/models/${name}`, await wide(seed));
    return body as unknown as { version: number; sha256: string };
  };
  const numbers = async (name: string) => {
    const { body } = await send('GET', `/v1/models/${name}`);
    return (body as unknown as { versions: { version: number }[] }).versions.map(({ version }) => version);
  };

  test('each bundle is one, by its number or by how its SHA-256 begins', async () => {
    const first = await put('many', 1);
    const second = await put('many', 2);
    expect([first.version, second.version]).toEqual([1, 2]);
    // The newest, put again, stays what it is; an older one becomes the newest.
    expect((await put('many', 2)).version).toBe(2);
    expect((await put('many', 1)).version).toBe(3);
    expect(await numbers('many')).toEqual([3, 2, 1]);

    const [one, two] = [await embed('many@1'), await embed('many@2')];
    expect(one).not.toEqual(two);
    expect(await embed('many')).toEqual(one);
    expect(await embed(`many@${second.sha256.slice(0, 8)}`)).toEqual(two);
    expect((await send('GET', '/v1/models/many@2')).body.sha256).toBe(second.sha256);
  });

  test('a deleted one is gone, its number is not given again, and a whole model goes with all of them', async () => {
    for (const seed of [1, 2, 3]) await put('shrinking', seed);
    expect((await send('DELETE', '/v1/models/shrinking@3')).status).toBe(200);
    expect(await numbers('shrinking')).toEqual([2, 1]);
    expect((await put('shrinking', 4)).version).toBe(4);
    const { status, body } = await sendJson('POST', '/v1/embeddings', { input: png, model: 'shrinking@3' });
    expect(status).toBe(404);
    expect(body.error).toMatchObject({ param: 'model', code: 'model_not_found' });
    expect((await send('DELETE', '/v1/models/shrinking')).status).toBe(200);
    expect((await send('GET', '/v1/models/shrinking')).status).toBe(404);
    expect((await send('DELETE', '/v1/models/shrinking')).status).toBe(404);
    expect((await send('DELETE', '/v1/models/mnist-wide')).status).toBe(409);
  });

  test('a bundle leaves R2 with the last version that has it', async () => {
    const { sha256 } = await put('twin', 11);
    await put('other-twin', 11);
    const key = `models/${sha256}.safetensors`;
    await send('DELETE', '/v1/models/twin');
    expect(await env.STORE.head(key)).not.toBeNull();
    await send('DELETE', '/v1/models/other-twin');
    expect(await env.STORE.head(key)).toBeNull();
    // It can come back.
    await put('twin', 11);
    expect(await env.STORE.head(key)).not.toBeNull();
  });

  test('a bundle that an unfinished evaluation embeds with stays until it ends', async () => {
    const { sha256 } = await put('needed', 12);
    const key = `models/${sha256}.safetensors`;
    const owner = 'default';
    await env.CATALOGUE.prepare(
      `INSERT INTO evaluations (id, owner, state, query_set, query_sha256, query_count, gallery_set, gallery_sha256,
         gallery_count, dimension, protocol, distance, version, created_at, model, model_sha256)
       VALUES ('needs-it', ?, 'running', 'q', 'q', 1, 'g', 'g', 1, 32, 'none', 'cosine', '0', '', 'needed', ?)`,
    )
      .bind(owner, sha256)
      .run();
    await send('DELETE', '/v1/models/needed');
    expect(await env.STORE.head(key)).not.toBeNull();
    await env.CATALOGUE.prepare("UPDATE evaluations SET finished_at = 'now' WHERE id = 'needs-it'").run();
    await put('sweeps', 13);
    expect(await env.STORE.head(key)).toBeNull();
  });

  test('the model of requests that name none is the chosen one, until it is deleted', async () => {
    const nameless = async () => {
      const { body } = await sendJson('POST', '/v1/embeddings', { input: png });
      return body as unknown as { model: string };
    };
    const { sha256 } = await put('chosen', 14);
    expect((await nameless()).model).toBe('mnist-wide');
    expect((await send('PUT', '/v1/models/chosen/default')).body).toMatchObject({
      id: 'chosen',
      default: true,
    });
    expect(await nameless()).toMatchObject({ model: 'chosen', model_version: sha256 });
    expect((await send('PUT', '/v1/models/absent/default')).status).toBe(404);
    await send('DELETE', '/v1/models/chosen');
    expect((await nameless()).model).toBe('mnist-wide');
  });

  test.each(['many@', 'many@0', 'many@0123abc', 'many@1@2', 'Many@1'])('%s is no version', async (model) => {
    const { status, body } = await sendJson('POST', '/v1/embeddings', { input: png, model });
    expect(status).toBe(400);
    expect(body.error.param).toBe('model');
  });
});

describe('what is refused', () => {
  test('the name of a built-in model', async () => {
    const { status, body } = await send('PUT', '/v1/models/mnist-wide', await wide(1));
    expect(status).toBe(409);
    expect(body.error).toMatchObject({ param: 'model', code: 'model_is_built_in' });
  });

  test('a bundle with an altered byte', async () => {
    const bundle = await wide(1);
    bundle[bundle.length - 100] ^= 1;
    const { status, body } = await send('PUT', '/v1/models/altered', bundle);
    expect(status).toBe(400);
    expect(body.error).toMatchObject({ param: 'body', code: 'invalid_bundle' });
    expect(body.error.message).toContain('altered');
    expect((await send('GET', '/v1/models/altered')).status).toBe(404);
  });

  test('a truncated bundle', async () => {
    const { status, body } = await send('PUT', '/v1/models/short', (await wide(1)).subarray(0, 5000));
    expect(status).toBe(400);
    expect(body.error.message).toContain('truncated');
  });

  test('tensors that do not fit the architecture', async () => {
    const tensors = randomParameters(mnistWide, 1);
    tensors.delete('conv2.weight');
    const { status, body } = await send(
      'PUT',
      '/v1/models/gap',
      await writeBundle(exampleManifest(), tensors),
    );
    expect(status).toBe(400);
    expect(body.error.message).toContain('conv2.weight');
  });

  test('an architecture that is not known here', async () => {
    const bundle = await writeBundle(exampleManifest('resnet-9000', 32), randomParameters(mnistWide, 1));
    const { status, body } = await send('PUT', '/v1/models/unknown', bundle);
    expect(status).toBe(400);
    expect(body.error.message).toContain('resnet-9000');
  });

  test('an unknown model', async () => {
    expect((await send('GET', '/v1/models/absent')).body.error.code).toBe('model_not_found');
  });
});
