import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server as HttpServer } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import OpenAI from 'openai';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectAllClose } from './allclose.ts';
import { type Server, startServer } from './server.ts';

/** The embeddings endpoint as its clients meet it: real HTTP, OpenAI's client, slow and many connections. */
let server: Server;
let pictures: HttpServer;
let pictureOrigin = '';
let png: Buffer;
let text = '';

beforeAll(async () => {
  png = await sharp({ create: { width: 40, height: 30, channels: 3, background: 'teal' } })
    .png()
    .toBuffer();
  text = png.toString('base64');
  pictures = createServer((request, response) => {
    if (request.url === '/away') response.writeHead(302, { Location: `${server.url}/health` }).end();
    else response.writeHead(200, { 'Content-Type': 'image/png' }).end(png);
  }).listen(0, '127.0.0.1');
  await once(pictures, 'listening');
  pictureOrigin = `http://127.0.0.1:${(pictures.address() as { port: number }).port}`;
  server = await startServer('--var', `PICTURE_ORIGINS:${pictureOrigin}`);
}, 120_000);

afterAll(async () => {
  await server?.stop();
  pictures?.close();
});

interface Answer {
  readonly data: { readonly index: number; readonly embedding: number[] }[];
  readonly error: { readonly code: string };
}

async function post(body: object): Promise<Answer> {
  const response = await fetch(`${server.url}/v1/embeddings`, {
    method: 'POST',
    headers: { ...server.authorized, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  return (await response.json()) as Answer;
}

async function rawEmbedding(): Promise<number[]> {
  return (await post({ input: text })).data[0].embedding;
}

test('the documentation’s examples for curl give embeddings', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'softmargin-curl-'));
  for (const name of ['digit.png', 'a.png']) writeFileSync(join(folder, name), png);
  writeFileSync(join(folder, 'person.jpg'), await sharp(png).jpeg().toBuffer());
  writeFileSync(join(folder, 'b.webp'), await sharp(png).webp().toBuffer());
  const [section] = readFileSync('docs/embeddings.md', 'utf8').split('## The answer');
  const examples = [...section.matchAll(/```sh\n(.*?)```/gs)].flatMap(([, text]) => text.split(/^(?=curl)/m));
  expect(examples).toHaveLength(4);
  for (const example of examples) {
    const command = example.replaceAll('http://127.0.0.1:8787', server.url);
    const SOFTMARGIN_KEY = server.authorized.Authorization.slice('Bearer '.length);
    const env = { ...process.env, SOFTMARGIN_KEY };
    const { stdout } = await promisify(execFile)('sh', ['-c', command], { cwd: folder, env });
    expect((JSON.parse(stdout) as Answer).data.length, command).toBeGreaterThan(0);
  }
  rmSync(folder, { recursive: true });
});

describe('the openai client', () => {
  const client = () =>
    new OpenAI({
      baseURL: `${server.url}/v1`,
      apiKey: server.authorized.Authorization.slice('Bearer '.length),
    });

  test('embeds one picture and many, as base64 (its default) and as numbers', async () => {
    const expected = await rawEmbedding();
    const one = await client().embeddings.create({ model: 'mnist-wide', input: text });
    expect(one.data[0].embedding).toHaveLength(32);
    expectAllClose([...one.data[0].embedding], expected, 1e-7);
    const many = await client().embeddings.create({
      model: 'mnist-wide',
      input: [text, `data:image/png;base64,${text}`],
      encoding_format: 'float',
      user: 'someone',
    });
    expect(many.data.map(({ index }) => index)).toEqual([0, 1]);
    for (const { embedding } of many.data) expectAllClose(embedding, expected, 1e-5);
    expect(many.usage).toEqual({ prompt_tokens: 0, total_tokens: 0 });
  });

  test('lists models', async () => {
    const ids: string[] = [];
    for await (const model of client().models.list()) ids.push(model.id);
    expect(ids).toContain('mnist-wide');
  });

  test('throws its own errors, with our words', async () => {
    const wrong = client().embeddings.create({ model: 'absent', input: text });
    await expect(wrong).rejects.toThrow(OpenAI.NotFoundError);
    const dimensions = client().embeddings.create({ model: 'mnist-wide', input: text, dimensions: 16 });
    await expect(dimensions).rejects.toMatchObject({
      status: 400,
      param: 'dimensions',
      message: expect.stringContaining('cannot be shortened'),
    });
  });
});

test('what Python’s client sends is answered as it reads it', async () => {
  // openai-python asks for base64 unless told otherwise, and unpacks little-endian float32.
  const response = await fetch(`${server.url}/v1/embeddings`, {
    method: 'POST',
    headers: {
      Accept: 'application/json',
      ...server.authorized,
      'Content-Type': 'application/json',
      'User-Agent': 'OpenAI/Python 2.8.0',
      'X-Stainless-Lang': 'python',
      'X-Stainless-Retry-Count': '0',
    },
    body: JSON.stringify({ input: [text], model: 'mnist-wide', encoding_format: 'base64' }),
  });
  const { data } = (await response.json()) as { data: { embedding: string }[] };
  const bytes = Buffer.from(data[0].embedding, 'base64');
  const numbers = Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
  expectAllClose(numbers, await rawEmbedding(), 1e-7);
});

test('a listed address is fetched, and a redirect from it to another one is not followed', async () => {
  const { data } = await post({ input: `${pictureOrigin}/a.png` });
  expectAllClose(data[0].embedding, await rawEmbedding(), 1e-6);
  expect((await post({ input: `${pictureOrigin}/away` })).error.code).toBe('picture_not_allowed');
});

test('clients that stop in the middle of their bodies disturb nobody', async () => {
  const { hostname, port } = new URL(server.url);
  const sockets = await Promise.all(
    Array.from({ length: 40 }, async () => {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => {});
      await once(socket, 'connect');
      socket.write(
        `POST /v1/embeddings HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: ${server.authorized.Authorization}\r\nContent-Type: image/png\r\nContent-Length: ${png.length}\r\n\r\n`,
      );
      socket.write(png.subarray(0, 20));
      return socket;
    }),
  );
  const expected = await rawEmbedding();
  for (const socket of sockets) socket.destroy();
  expectAllClose(await rawEmbedding(), expected, 1e-7);
});

test('many at once are embedded or told to come again, and then all is given back', async () => {
  // 15 MB each: three copies of one are what there is room for.
  const body = JSON.stringify({ input: text, user: 'x'.repeat(15_000_000) });
  const answers = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const response = await fetch(`${server.url}/v1/embeddings`, {
        method: 'POST',
        headers: { ...server.authorized, 'Content-Type': 'application/json' },
        body,
      });
      await response.arrayBuffer();
      return response;
    }),
  );
  for (const { status, headers } of answers) {
    expect([200, 429]).toContain(status);
    if (status === 429) expect(headers.get('Retry-After')).toBe('1');
  }
  expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(0);
  expect(answers.filter(({ status }) => status === 429).length).toBeGreaterThan(0);
  expect((await post({ input: text })).data).toHaveLength(1);
});
