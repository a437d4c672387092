import { createRandom, type Random } from '@softmargin/shared/random.ts';
import { describe, expect, inject, test } from 'vitest';
import { MAX_IDLE_CODEC_BYTES } from '../limits.ts';
import { picture, send, sendJson } from '../test/client.ts';
import { isolateMemory } from '../test/memory.ts';

const files = inject('pictures');
const NAMES = [
  ...['png', 'png-interlaced', 'png-16-bit', 'jpeg', 'jpeg-progressive', 'jpeg-cmyk', 'jpeg-orientation-6'],
  ...['webp', 'webp-lossless', 'webp-alpha', 'webp-animated'],
];
const MUTATIONS = 2_000;
const BATCH = 50;

async function embed(name = 'png'): Promise<number[]> {
  const { status, body } = await sendJson('POST', '/v1/embeddings', { input: files[name] });
  expect(status).toBe(200);
  return body.data[0].embedding;
}

function raw(bytes: Uint8Array) {
  return send('POST', '/v1/embeddings', bytes as Uint8Array<ArrayBuffer>, { 'Content-Type': 'image/png' });
}

function toBase64(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** Real pictures with some bytes changed, taken out, put in, or with an end that belongs to another file. */
function mutate(random: Random): Uint8Array {
  const bytes = picture(NAMES[random.integer(NAMES.length)]);
  const place = random.integer(bytes.length);
  const length = 1 + random.integer(16);
  const noise = Uint8Array.from({ length }, () => random.integer(256));
  switch (random.integer(6)) {
    case 0:
      for (let i = 0; i < length; i++) bytes[random.integer(bytes.length)] = noise[i];
      return bytes;
    case 1:
      return bytes.subarray(0, place);
    case 2:
      return Uint8Array.from([...bytes.subarray(0, place), ...noise, ...bytes.subarray(place)]);
    case 3:
      return Uint8Array.from([...bytes.subarray(0, place), ...bytes.subarray(place + length)]);
    case 4: {
      const other = picture(NAMES[random.integer(NAMES.length)]);
      return Uint8Array.from([...bytes.subarray(0, place), ...other.subarray(random.integer(other.length))]);
    }
    default:
      // Where lengths and sizes are.
      bytes.fill(255, place, place + 4);
      return bytes;
  }
}

test('thousands of mutated pictures are embedded or refused one by one, and leave nothing', {
  timeout: 300_000,
}, async () => {
  const expected = await embed();
  const random = createRandom(20);
  let before: Awaited<ReturnType<typeof isolateMemory>> | undefined;
  let refused = 0;
  for (let done = 0; done < MUTATIONS; done += BATCH) {
    const input = Array.from({ length: BATCH }, () => toBase64(mutate(random)));
    const { status, body } = await sendJson('POST', '/v1/embeddings', { input });
    expect([200, 400]).toContain(status);
    const errors = body.errors ?? [];
    expect((body.data ?? []).length + errors.length).toBe(BATCH);
    refused += errors.length;
    const after = await isolateMemory();
    expect(after.decoders).toBeLessThanOrEqual(MAX_IDLE_CODEC_BYTES);
    before ??= after;
    expect({ ...after, decoders: 0 }).toEqual({ ...before, decoders: 0 });
  }
  expect(refused).toBeGreaterThan(MUTATIONS / 2);
  expect(refused).toBeLessThan(MUTATIONS);
  expect(await embed()).toEqual(expected);
});

describe('bombs', () => {
  test.each([
    ['PNG', 'png', (view: DataView) => view.setUint32(16, 0x7fffffff)],
    ['WebP', 'webp-animated', (view: DataView) => view.setUint32(24, 0xffffffff)],
  ] as const)('a %s header that promises gigapixels', async (_, name, enlarge) => {
    const bytes = picture(name);
    enlarge(new DataView(bytes.buffer));
    const before = await isolateMemory();
    const { status } = await raw(bytes);
    expect(status).toBe(400);
    expect((await isolateMemory()).heap).toBe(before.heap);
  });

  test('a PNG whose text unpacks to 64 MB is read past', async () => {
    const text = await deflate(new Uint8Array(64 * 1024 * 1024));
    const chunk = new Uint8Array([...new TextEncoder().encode('zTXtbomb'), 0, 0, ...text]);
    const png = picture('png');
    // Behind the signature and the header.
    const bomb = Uint8Array.from([...png.subarray(0, 33), ...pngChunk(chunk), ...png.subarray(33)]);
    const before = await isolateMemory();
    const { status, body } = await raw(bomb);
    expect(status).toBe(200);
    expect(body.data[0].embedding).toEqual(await embed());
    const after = await isolateMemory();
    expect(after.decoders - before.decoders).toBeLessThan(1024 * 1024);
  });

  test('a picture of one row and more columns than a side may have', async () => {
    const png = picture('png-line');
    const { status, body } = await raw(png);
    expect(status).toBe(400);
    expect(body.error).toMatchObject({
      code: 'picture_too_large',
      message: expect.stringContaining('a side may have up to 16384'),
    });
  });
});

describe('polyglots', () => {
  const html = new TextEncoder().encode('<html><script>alert(1)</script></html>PK\x03\x04');

  test.each(['png', 'jpeg', 'webp'])('%s with something else behind it is the picture', async (name) => {
    const { status, body } = await raw(Uint8Array.from([...picture(name), ...html]));
    expect(status).toBe(200);
    expect(body.data[0].embedding).toEqual(await embed(name));
  });

  test.each(['GIF89a', '%PDF-1.7', '<svg>', 'PK\x03\x04'])('a picture behind %j is none', async (prefix) => {
    const { status, body } = await raw(
      Uint8Array.from([...new TextEncoder().encode(prefix), ...picture('png')]),
    );
    expect(status).toBe(400);
    expect(body.error.code).toBe('picture_unsupported');
  });
});

async function deflate(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream('deflate'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** A PNG chunk of a type and data, with its length and checksum. */
function pngChunk(typeAndData: Uint8Array): Uint8Array {
  let crc = 0xffffffff;
  for (const byte of typeAndData) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? 0xedb88320 ^ (crc >>> 1) : crc >>> 1;
  }
  const chunk = new Uint8Array(typeAndData.length + 8);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, typeAndData.length - 4);
  chunk.set(typeAndData, 4);
  view.setUint32(typeAndData.length + 4, (crc ^ 0xffffffff) >>> 0);
  return chunk;
}
