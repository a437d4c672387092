import { writeBundle } from '@softmargin/shared/bundle/bundle.ts';
import { mnistWide } from '@softmargin/shared/models/mnist-wide.ts';
import { afterEach, describe, expect, inject, test, vi } from 'vitest';
import { expectAllClose } from '../../test/allclose.ts';
import { exampleManifest, randomParameters } from '../../test/bundles.ts';
import { fromBase64, picture, send, sendJson } from '../test/client.ts';

const files = inject('pictures');

test('a picture gives an embedding of unit length in OpenAI’s form', async () => {
  const { status, body, headers } = await sendJson('POST', '/v1/embeddings', { input: files.png });
  expect(status).toBe(200);
  expect(body).toEqual({
    object: 'list',
    model: 'mnist-wide',
    model_version: expect.stringMatching(/^[0-9a-f]{64}$/),
    data: [{ object: 'embedding', index: 0, embedding: expect.any(Array) }],
    usage: { prompt_tokens: 0, total_tokens: 0 },
  });
  const { embedding } = body.data[0];
  expect(embedding).toHaveLength(32);
  expect(Math.hypot(...embedding)).toBeCloseTo(1, 5);
  expect(headers.get('Server-Timing')).toMatch(
    /^decode;dur=[\d.]+, preprocess;dur=[\d.]+, inference;dur=[\d.]+$/,
  );
  expect(headers.get('Model-Version')).toBe(body.model_version);
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

  const form = new FormData();
  form.set('model', 'mnist-wide');
  form.append('image', new File([picture('png')], 'a.png'));
  form.append('image', new Blob([picture('png')]));
  const posted = await send('POST', '/v1/embeddings', form);
  expect(posted.body.data.map(({ embedding }) => embedding)).toEqual([same, same]);
});

test('every format of a picture is embedded', async () => {
  const names = ['png', 'png-16-bit', 'jpeg', 'jpeg-cmyk', 'webp', 'webp-alpha', 'webp-animated'];
  const { body } = await sendJson('POST', '/v1/embeddings', { input: names.map((name) => files[name]) });
  expect(body.errors).toBeUndefined();
  expect(body.data).toHaveLength(names.length);
});

describe('flip', () => {
  test('makes a picture and its mirror image the same', async () => {
    const embed = async (input: string, flip: boolean) =>
      (await sendJson('POST', '/v1/embeddings', { input, flip })).body.data[0].embedding;
    const [upright, mirrored] = [files['jpeg-orientation-1'], files['jpeg-orientation-2']];
    expectAllClose(await embed(upright, true), await embed(mirrored, true), 0.02);
    const other = await embed(mirrored, false);
    const apart = (await embed(upright, false)).map((value, i) => value - other[i]);
    expect(Math.hypot(...apart)).toBeGreaterThan(0.05);
  });
});

describe('dimensions', () => {
  test('of a model that can be shortened are its first numbers at unit length', async () => {
    const manifest = exampleManifest();
    const truncatable = { ...manifest, embedding: { ...manifest.embedding, truncatable: true } };
    const bundle = await writeBundle(truncatable, randomParameters(mnistWide, 5));
    expect((await send('PUT', '/v1/models/matryoshka', bundle)).status).toBe(201);
    const request = { input: files.png, model: 'matryoshka' };
    const whole = (await sendJson('POST', '/v1/embeddings', request)).body.data[0].embedding;
    const { body } = await sendJson('POST', '/v1/embeddings', { ...request, dimensions: 8 });
    const first = whole.slice(0, 8);
    expectAllClose(
      body.data[0].embedding,
      first.map((value) => value / Math.hypot(...first)),
      1e-6,
    );
    const more = await sendJson('POST', '/v1/embeddings', { ...request, dimensions: 33 });
    expect(more.status).toBe(400);
    expect(more.body.error).toMatchObject({ param: 'dimensions' });
  });
});

describe('addresses', () => {
  const served = new Map<string, () => Response>();
  const asked: string[] = [];
  afterEach(() => {
    vi.restoreAllMocks();
    asked.length = 0;
  });
  function serve(answers: Record<string, () => Response>): void {
    served.clear();
    for (const [url, answer] of Object.entries(answers)) served.set(url, answer);
    vi.spyOn(globalThis, 'fetch').mockImplementation(async (url) => {
      asked.push(String(url));
      return served.get(String(url))?.() ?? new Response('', { status: 404 });
    });
  }
  const redirect = (to: string) => () => new Response(null, { status: 302, headers: { Location: to } });
  const embedUrl = (input: unknown) => sendJson('POST', '/v1/embeddings', { input });

  test('on the list are fetched, through redirects that stay on it', async () => {
    serve({
      'https://images.test/a': redirect('/b'),
      'https://images.test/b': redirect('https://one.cdn.test/c.png'),
      'https://one.cdn.test/c.png': () => new Response(picture('png')),
    });
    const inline = (await embedUrl(files.png)).body.data[0].embedding;
    const { body } = await embedUrl([files.jpeg, 'https://images.test/a']);
    expect(body.data[1].embedding).toEqual(inline);
  });

  test.each([
    'https://elsewhere.test/a.png',
    'http://images.test/a.png',
    'https://images.test:8443/a.png',
    'https://user:pass@images.test/a.png',
    'https://cdn.test/a.png',
    'https://evilcdn.test/a.png',
    'https://images.test.evil.test/a.png',
    'http://127.0.0.1/a.png',
    'http://[::1]/',
    'http://169.254.169.254/latest/meta-data',
    'https://2130706433/',
  ])('%s is not, and is not asked', async (url) => {
    serve({});
    const { status, body } = await embedUrl(url);
    expect(status).toBe(400);
    expect(body.error.code).toBe('picture_not_allowed');
    expect(asked).toEqual([]);
  });

  test.each(['http://127.0.0.1/', 'http://10.0.0.1/', 'https://elsewhere.test/', 'file:///etc/passwd'])(
    'a redirect to %s is not followed',
    async (target) => {
      serve({ 'https://images.test/a': redirect(target) });
      const { body } = await embedUrl('https://images.test/a');
      expect(body.error.code).toBe('picture_not_allowed');
      expect(asked).toEqual(['https://images.test/a']);
    },
  );

  test('that lead round, fail, are missing or too large are errors of their picture', async () => {
    serve({
      'https://images.test/round': redirect('/round'),
      'https://images.test/large': () => new Response(new Uint8Array(8 * 1024 * 1024 + 1)),
      'https://images.test/gone': () => {
        throw new TypeError('Network connection lost.');
      },
    });
    const paths = ['round', 'large', 'gone', 'missing'];
    const { status, body } = await embedUrl([
      files.png,
      ...paths.map((path) => `https://images.test/${path}`),
    ]);
    expect(status).toBe(200);
    expect(body.errors).toMatchObject([
      { index: 1, code: 'picture_not_fetched' },
      { index: 2, code: 'picture_too_large' },
      { index: 3, code: 'picture_not_fetched' },
      { index: 4, code: 'picture_not_fetched', message: expect.stringContaining('404') },
    ]);
    expect(asked.filter((url) => url.endsWith('round'))).toHaveLength(4);
  });
});

describe('forms that mean nothing', () => {
  test('one without a file', async () => {
    const form = new FormData();
    form.set('model', 'mnist-wide');
    const { status, body } = await send('POST', '/v1/embeddings', form);
    expect(status).toBe(400);
    expect(body.error.param).toBe('image');
  });

  test('one that is cut, and one without a boundary', async () => {
    for (const type of ['multipart/form-data; boundary=x', 'multipart/form-data']) {
      const { status, body } = await send('POST', '/v1/embeddings', '--x\r\nContent-Disp', {
        'Content-Type': type,
      });
      expect(status).toBe(400);
      expect(body.error.code).toBe('invalid_form');
    }
  });
});

test('base64 holds the same numbers', async () => {
  const { body } = await sendJson('POST', '/v1/embeddings', { input: files.jpeg });
  const answer = await sendJson('POST', '/v1/embeddings', { input: files.jpeg, encoding_format: 'base64' });
  const numbers = new Float32Array(fromBase64(answer.body.data[0].embedding).buffer);
  expect([...numbers]).toEqual(body.data[0].embedding);
});

test('a batch gives every picture its place', async () => {
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
      { index: 4, param: 'input[4]', code: 'picture_not_allowed' },
      { index: 5, param: 'input[5]', code: 'invalid_base64' },
    ]);
  });

  test('alone, its error is the answer', async () => {
    const { status, body } = await sendJson('POST', '/v1/embeddings', { input: files.gif });
    expect(status).toBe(400);
    expect(body).toEqual({
      error: {
        message: 'The picture is GIF; PNG, JPEG and WebP are supported.',
        type: 'invalid_request_error',
        param: 'input',
        code: 'picture_unsupported',
      },
    });
  });

  test('where all fail, all are listed', async () => {
    const { status, body } = await sendJson('POST', '/v1/embeddings', { input: [files.gif, 'AAAA'] });
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
