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
