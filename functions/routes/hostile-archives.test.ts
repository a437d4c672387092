import { env } from 'cloudflare:workers';
import { type Zippable, zipSync } from 'fflate';
import { afterEach, expect, inject, test } from 'vitest';
import { concatenated, type Files, formOf, padded, tarHeader, tarOf } from '../test/archives.ts';
import { fromBase64, picture, send } from '../test/client.ts';

const png = fromBase64(inject('digits')[0][0]);
const PATH = '0001_c1s1_000451_03.png';
const NAME = '/v1/sets/hostile';

/** A refusal leaves nothing: no set, no object in R2, nobody who holds one; and the service goes on. */
afterEach(async () => {
  expect((await send('GET', NAME)).status).toBe(404);
  expect((await env.STORE.list()).objects).toEqual([]);
  expect(await env.CATALOGUE.prepare('SELECT COUNT(*) AS n FROM holders').first('n')).toBe(0);
  expect((await send('GET', '/health')).status).toBe(200);
});

function zip(content: Zippable): Uint8Array<ArrayBuffer> {
  return zipSync(content) as Uint8Array<ArrayBuffer>;
}

async function refused(body: BodyInit, query = '?names=market1501'): Promise<string> {
  const { status, body: answer } = await send('PUT', `${NAME}${query}`, body);
  expect(status).toBe(400);
  expect(answer.error.code).toBe('invalid_set');
  return `${answer.error.param}: ${answer.error.message}`;
}

/** Every way that files come, with the same files. */
function bodies(files: Files): BodyInit[] {
  return [zip(files as Record<string, Uint8Array>), tarOf(files), formOf('pictures', files)];
}

test.each<[string, RegExp]>([
  [`../${PATH}`, /leads out of the archive/],
  [`a/../../${PATH}`, /leads out of the archive/],
  [`/etc/${PATH}`, /not relative/],
  [`C:/${PATH}`, /not relative/],
  [`..\\${PATH}`, /backslash/],
])('a path that leads elsewhere: %s', async (path, message) => {
  for (const body of bodies({ [path]: png })) expect(await refused(body)).toMatch(message);
});

test('a path without an end', async () => {
  const path = `${'a/'.repeat(600)}${PATH}`;
  expect(await refused(zip({ [path]: png }))).toMatch(/more than 1024 characters/);
});

test('the same path twice', async () => {
  const twice = concatenated([
    tarHeader(PATH, png.length),
    padded(png),
    tarHeader(`./${PATH}`, png.length),
    padded(png),
  ]);
  expect(await refused(twice)).toMatch(/^body: .*twice/);
});

test('an archive in an archive', async () => {
  for (const path of ['more.zip', 'more.tar.gz', 'more.RAR']) {
    for (const body of bodies({ [PATH]: png, [path]: new Uint8Array(100) })) {
      expect(await refused(body)).toContain(`${path}: it is an archive in the body`);
    }
  }
});

test('no pictures at all', async () => {
  for (const body of [zip({}), zip({ 'a.txt': png }), tarOf({ 'a.txt': png }), formOf('pictures', {})]) {
    expect(await refused(body)).toMatch(/no pictures|no arrays|breaks off|behind the boundary/);
  }
});

test('not one picture that can be read', async () => {
  const message = await refused(zip({ [PATH]: new Uint8Array(10), '0002_c1s1_0_0.png': picture('gif') }));
  expect(message).toMatch(/None of the 2 pictures can be read\. The first, 0001_c1s1_000451_03\.png: /);
});

test('a hundred thousand entries', async () => {
  const one = concatenated([tarHeader('x.txt', 0)]);
  const many = concatenated([...Array<Uint8Array>(100_000).fill(one), new Uint8Array(1024)]);
  expect(await refused(many)).toMatch(/more than 50000 entries/);
}, 60_000);

test('a bomb: pictures that unpack to more than a body may', async () => {
  // 40 of nearly 8 MB of zeros, which pack to 8 KB each.
  const bomb = new Uint8Array(8_000_000);
  const files = Object.fromEntries(
    Array.from({ length: 40 }, (_, i) => [`0001_c1s1_00000${i}_00.png`, [bomb, { level: 9 }] as const]),
  );
  const body = zipSync(files as Zippable) as Uint8Array<ArrayBuffer>;
  expect(body.length).toBeLessThan(500_000);
  expect(await refused(body)).toMatch(/more than the 268435456 bytes that one body may unpack to/);
}, 60_000);

test('a packed tar that unpacks without an end', async () => {
  const zeros = new Uint8Array(1_000_000);
  const header = tarHeader('x.txt', 0o77777777777);
  let sent = 0;
  const endless = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      if (sent++ === 0) controller.enqueue(header);
      else if (sent < 300) controller.enqueue(zeros);
      else controller.close();
    },
  });
  const packed = await new Response(endless.pipeThrough(new CompressionStream('gzip'))).arrayBuffer();
  expect(packed.byteLength).toBeLessThan(1_000_000);
  expect(await refused(packed)).toMatch(/unpacks to more than the 268435456 bytes/);
}, 60_000);

test('sizes that lie, in a zip', async () => {
  for (const at of [18, 22]) {
    for (const change of [1, 64, 255]) {
      const bytes = zip({ [PATH]: png, '0002_c1s1_0_0.png': png });
      bytes[at] ^= change;
      expect(await refused(bytes), `${at} ${change}`).toMatch(/\S/);
    }
  }
});

test('sizes that lie, in a tar', async () => {
  for (const size of [png.length + 512, png.length + 100_000]) {
    const tar = concatenated([
      tarHeader(PATH, size),
      padded(png),
      tarHeader('0002_c1s1_0_0.png', png.length),
      padded(png),
    ]);
    expect(await refused(tar), `${size}`).toMatch(/None of|are there|checksum|breaks off|no number/);
  }
  const shorter = concatenated([tarHeader(PATH, 100), padded(png)]);
  expect(await refused(shorter)).toMatch(/checksum is wrong|None of the 1/);
  const damaged = tarOf({ [PATH]: png });
  damaged[0] ^= 1;
  expect(await refused(damaged)).toMatch(/checksum is wrong/);
});

test('a header extension that is larger than any path', async () => {
  const tar = concatenated([tarHeader('x', 1_000_000, 'x'), new Uint8Array(1_000_448)]);
  expect(await refused(tar)).toMatch(/has 1000000 bytes; up to 65536 are read/);
});

test('an encrypted entry', async () => {
  const bytes = zip({ [PATH]: png });
  const view = new DataView(bytes.buffer);
  view.setUint16(6, view.getUint16(6, true) | 1, true);
  expect(await refused(bytes)).toMatch(/it is encrypted/);
});

test('archives and forms that break off', async () => {
  const form = new Response(formOf('pictures', { [PATH]: png }));
  const type = form.headers.get('Content-Type') as string;
  const whole = new Uint8Array(await form.arrayBuffer());
  for (let length = 0; length < whole.length - 8; length += 37) {
    const { status } = await send('PUT', `${NAME}?names=market1501`, whole.slice(0, length), {
      'Content-Type': type,
    });
    expect(status, `${length}`).toBe(400);
  }
  for (const body of [zip({ [PATH]: png }), tarOf({ [PATH]: png }).subarray(0, 512 + png.length)]) {
    for (let length = 1; length < body.length; length += 37) {
      expect((await send('PUT', `${NAME}?names=market1501`, body.slice(0, length))).status, `${length}`).toBe(
        400,
      );
    }
  }
});

test.each<[string, Files, string, RegExp]>([
  [
    'names that say nothing',
    { 'cat.png': png },
    '?names=market1501',
    /^names: names: cat\.png: it is not named like 0002_c1s1/,
  ],
  ['folders that are no numbers', { 'cat/1.png': png }, '?names=folders', /^names: names: cat\/1\.png/],
  ['nobody who says how names are to be read', { [PATH]: png }, '', /^names: .*\?names=market1501/],
  ['features beside pictures', { [PATH]: png, 'features.npy': png }, '?names=market1501', /^features/],
  [
    'a table without one of them',
    { [PATH]: png, 'labels.csv': text('identity,camera,path') },
    '',
    /has no line/,
  ],
  [
    'a table of others',
    { [PATH]: png, 'labels.csv': text('identity,camera,path\n1,1,x.png') },
    '',
    /line 2: there is no picture "x\.png"/,
  ],
  [
    'a table that has one twice',
    { [PATH]: png, 'labels.csv': text(`identity,camera,path\n1,1,${PATH}\n1,1,${PATH}`) },
    '',
    /line 3: .*twice/,
  ],
])('%s', async (_, files, query, message) => {
  expect(await refused(zip(files as Record<string, Uint8Array>), query)).toMatch(message);
});

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}
