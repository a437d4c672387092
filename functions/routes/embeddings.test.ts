import { describe, expect, inject, test } from 'vitest';
import { expectAllClose } from '../../test/allclose.ts';
import { fromBase64, picture, send, sendJson } from '../test/client.ts';

const files = inject('pictures');

test('a picture gives an embedding of unit length in OpenAI’s form', async () => {
  const { status, body, headers } = await sendJson('POST', '/v1/embeddings', { input: files.png });
  expect(status).toBe(200);
  expect(body).toEqual({
    object: 'list',
    model: 'mnist-wide',
    data: [{ object: 'embedding', index: 0, embedding: expect.any(Array) }],
    usage: { prompt_tokens: 0, total_tokens: 0 },
  });
  const { embedding } = body.data[0];
  expect(embedding).toHaveLength(32);
  expect(Math.hypot(...embedding)).toBeCloseTo(1, 5);
  expect(headers.get('Server-Timing')).toMatch(/^decode;dur=[\d.]+, embed;dur=[\d.]+$/);
});

test('every way to write a picture down means the same', async () => {
  const { body } = await sendJson('POST', '/v1/embeddings', { input: files.png });
  const same = body.data[0].embedding;
  for (const input of [
    `data:image/png;base64,${files.png}`,
    `data:image/jpeg;charset=x;base64,${files.png}`,
    { image: files.png },
    [files.png],
    [{ image: `data:;base64,${files.png}` }],
  ]) {
    const answer = await sendJson('POST', '/v1/embeddings', {
      input,
      model: 'mnist-wide',
      user: 'u',
      extra: 1,
    });
    expect(answer.body.data[0].embedding).toEqual(same);
  }
  const raw = await send('POST', '/v1/embeddings?model=mnist-wide', picture('png'), {
    'Content-Type': 'image/jpeg',
  });
  expect(raw.body.data[0].embedding).toEqual(same);
});

test('base64 holds the same numbers', async () => {
  const { body } = await sendJson('POST', '/v1/embeddings', { input: files.jpeg });
  const answer = await sendJson('POST', '/v1/embeddings', { input: files.jpeg, encoding_format: 'base64' });
  const numbers = new Float32Array(fromBase64(answer.body.data[0].embedding).buffer);
  expect([...numbers]).toEqual(body.data[0].embedding);
});

test('a batch gives every picture its place, whatever its passes', async () => {
  const names = Array.from({ length: 64 }, (_, i) => ['png', 'jpeg', 'jpeg-grey'][i % 3]);
  const { body } = await sendJson('POST', '/v1/embeddings', { input: names.map((name) => files[name]) });
  expect(body.data.map(({ index }: { index: number }) => index)).toEqual(names.map((_, i) => i));
  for (const name of ['png', 'jpeg', 'jpeg-grey']) {
    const alone = (await sendJson('POST', '/v1/embeddings', { input: files[name] })).body.data[0].embedding;
    for (const [i, other] of names.entries()) {
      if (other === name) expectAllClose(body.data[i].embedding, alone, 1e-5, name);
    }
  }
});

describe('pictures that cannot be embedded', () => {
  test('one does not sink the others', async () => {
    const { status, body } = await sendJson('POST', '/v1/embeddings', {
      input: [files.png, 'AAAA', files.jpeg, '!!', 'https://example.com/x.png', 'data:image/png,x'],
    });
    expect(status).toBe(200);
    expect(body.data.map(({ index }: { index: number }) => index)).toEqual([0, 2]);
    expect(body.errors).toMatchObject([
      { index: 1, param: 'input[1]', type: 'invalid_request_error', code: 'picture_unsupported' },
      { index: 3, param: 'input[3]', code: 'invalid_base64' },
      { index: 4, param: 'input[4]', code: 'picture_not_inline' },
      { index: 5, param: 'input[5]', code: 'invalid_base64' },
    ]);
  });

  test('alone, its error is the answer', async () => {
    const { status, body } = await sendJson('POST', '/v1/embeddings', { input: files.webp });
    expect(status).toBe(400);
    expect(body).toEqual({
      error: {
        message: 'The picture is WebP; PNG and JPEG are supported.',
        type: 'invalid_request_error',
        param: 'input',
        code: 'picture_unsupported',
      },
    });
  });

  test('where all fail, all are listed', async () => {
    const { status, body } = await sendJson('POST', '/v1/embeddings', { input: [files.webp, 'AAAA'] });
    expect(status).toBe(400);
    expect(body.error.message).toContain('None of the 2 pictures');
    expect(body.errors).toHaveLength(2);
  });
});

describe('requests that mean nothing', () => {
  test.each([
    [{}, 'input'],
    [{ input: [] }, 'input'],
    [{ input: 5 }, 'input'],
    [{ input: ['AAAA', 5] }, 'input[1]'],
    [{ input: [{ picture: 'AAAA' }] }, 'input[0]'],
    [{ input: Array(65).fill('AAAA') }, 'input'],
    [{ input: 'AAAA', encoding_format: 'int8' }, 'encoding_format'],
    [{ input: 'AAAA', model: 7 }, 'model'],
    [{ input: 'AAAA', model: '../x' }, 'model'],
    [{ input: 'AAAA', dimensions: 16 }, 'dimensions'],
    [{ input: 'AAAA', user: {} }, 'user'],
  ])('%j', async (request, param) => {
    const { status, body } = await sendJson('POST', '/v1/embeddings', request);
    expect(status).toBe(400);
    expect(body.error).toMatchObject({ type: 'invalid_request_error', param });
    expect(body.error.message).toContain(param);
  });

  test('a model that is not there', async () => {
    const { status, body } = await sendJson('POST', '/v1/embeddings', { input: files.png, model: 'absent' });
    expect(status).toBe(404);
    expect(body.error).toMatchObject({ param: 'model', code: 'model_not_found' });
  });

  test('a body of another type', async () => {
    const { status, body } = await send('POST', '/v1/embeddings', 'x=1', { 'Content-Type': 'text/plain' });
    expect(status).toBe(415);
    expect(body.error.message).toContain('"text/plain"');
  });
});
