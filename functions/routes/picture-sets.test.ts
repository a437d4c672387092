import { env } from 'cloudflare:workers';
import { zipSync } from 'fflate';
import { expect, inject, test } from 'vitest';
import { PictureContent } from '../sets/picture-content.ts';
import { concatenated, type Files, formOf, padded, tarHeader, tarOf } from '../test/archives.ts';
import { fromBase64, picture, send } from '../test/client.ts';

const digits = inject('digits').map((files) => files.map(fromBase64));

/** Files of four digits, three of each, as Market-1501 names them. */
const files: Files = Object.fromEntries(
  [0, 1, 2, 3].flatMap((digit) =>
    [0, 1, 2].map((i) => [`000${digit}_c${i + 1}s1_00045${i}_0${i}.png`, digits[digit][i]]),
  ),
);
const paths = Object.keys(files);
const table = [
  'identity,camera,path',
  ...paths.map((path, i) => `${Math.floor(i / 3)},${(i % 3) + 1},${path}`),
];

type Form = readonly [body: BodyInit, query: string];

async function stored([body, query]: Form, name = 'pictures') {
  const answer = await send('PUT', `/v1/sets/${name}${query}`, body);
  expect(answer.body.error).toBeUndefined();
  expect(answer.status).toBeLessThan(300);
  return answer.body;
}

function zip(content: Files): Uint8Array<ArrayBuffer> {
  return zipSync(content as Record<string, Uint8Array>) as Uint8Array<ArrayBuffer>;
}

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream('gzip'));
  return new Response(stream).arrayBuffer();
}

function withTable(field: string, content: Files): FormData {
  const form = formOf(field, content);
  form.append('labels', new Blob([table.join('\n')]), 'labels.csv');
  return form;
}

test('pictures of an archive are stored as they are, with what their names say', async () => {
  const set = await stored([zip(files), '?names=market1501']);
  expect(set).toMatchObject({
    object: 'set',
    kind: 'pictures',
    count: 12,
    dimension: null,
    identities: 4,
    cameras: 3,
    groups: null,
    brokenPictures: 0,
  });
  const content = await PictureContent.open(env.STORE, set.sha256);
  expect(await content.labels()).toEqual({
    identities: Int32Array.of(0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3),
    cameras: Int32Array.of(1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3),
  });
  const entries = await content.entries();
  expect(entries.map(({ path }) => path)).toEqual(paths);
  expect(await content.files(entries)).toEqual(Object.values(files));
});

test('the same pictures are the same set as a zip, a tar, packed, a form, and with a table', async () => {
  const { sha256 } = await stored([zip(files), '?names=market1501']);
  const tar = tarOf(files);
  for (const [what, form] of Object.entries<Form>({
    tar: [tar, '?names=market1501'],
    'tar.gz': [await gzip(tar), '?names=market1501'],
    'zip with a table': [zip({ 'labels.csv': new TextEncoder().encode(table.join('\n')), ...files }), ''],
    'tar with a table at its end': [
      tarOf({ ...files, 'labels.csv': new TextEncoder().encode(table.join('\n')) }),
      '',
    ],
    form: [formOf('pictures', files), '?names=market1501'],
    'form with a table': [withTable('pictures', files), ''],
  })) {
    expect((await stored(form)).sha256, what).toBe(sha256);
  }
});

test.each([
  ['cuhk03-np', '0003_c1_21.png', 3, 1],
  ['veri776', 'image_query/0001_c012_00016450_0.png', 1, 12],
  ['market1501', 'gallery/-1_c6s3_000451_03.png', -1, 6],
  ['folders', 'train/17/some name.png', 17, 0],
])('%s: %s', async (names, path, identity, camera) => {
  const { sha256 } = await stored([zip({ [path]: digits[0][0] }), `?names=${names}`]);
  expect(await (await PictureContent.open(env.STORE, sha256)).labels()).toEqual({
    identities: Int32Array.of(identity),
    cameras: Int32Array.of(camera),
  });
});

test('long names in tar archives, in the two ways of writing them', async () => {
  const path = `${'folder/'.repeat(20)}0001_c1s1_000000_00.png`;
  const png = digits[1][0];
  const record = (text: string) => {
    const length = [...Array(1000).keys()].find((n) => `${n} ${text}\n`.length === n);
    return new TextEncoder().encode(`${length} ${text}\n`);
  };
  const pax = record(`path=${path}`);
  const gnu = new TextEncoder().encode(`${path}\0`);
  for (const [type, extension] of [
    ['x', pax],
    ['L', gnu],
  ] as const) {
    const tar = concatenated([
      ...[tarHeader('././@LongLink', extension.length, type), padded(extension)],
      ...[tarHeader(path, png.length), padded(png), new Uint8Array(1024)],
    ]);
    const { sha256 } = await stored([tar, '?names=market1501']);
    const [entry] = await (await PictureContent.open(env.STORE, sha256)).entries();
    expect(entry.path).toBe(path);
  }
});

test('a picture that cannot be read is reported by its place and path, and the rest is stored', async () => {
  const broken: Files = {
    ...files,
    '0004_c1s1_000001_00.png': digits[4][0].subarray(0, 100),
    '0004_c1s1_000002_00.png': new Uint8Array(),
    '0004_c1s1_000003_00.gif': picture('gif'),
    '0004_c1s1_000004_00.png': picture('png-too-large'),
    '0004_c1s1_000005_00.png': new Uint8Array(8 * 1024 * 1024 + 1),
    '0004_c1s1_000006_00.png': digits[4][1],
  };
  const answers = [];
  for (const body of [zip(broken), tarOf(broken), formOf('pictures', broken)]) {
    answers.push(await stored([body, '?names=market1501']));
  }
  for (const { errors, ...set } of answers) {
    expect(set).toMatchObject({ count: 18, brokenPictures: 5, identities: 5 });
    expect(errors).toEqual([
      {
        index: 12,
        path: '0004_c1s1_000001_00.png',
        code: 'picture_damaged',
        message: expect.stringContaining('IDAT'),
      },
      {
        index: 13,
        path: '0004_c1s1_000002_00.png',
        code: 'picture_empty',
        message: expect.stringContaining('0 bytes'),
      },
      {
        index: 14,
        path: '0004_c1s1_000003_00.gif',
        code: 'picture_unsupported',
        message: expect.stringContaining('GIF'),
      },
      {
        index: 15,
        path: '0004_c1s1_000004_00.png',
        code: 'picture_too_large',
        message: expect.stringContaining('2500×2001'),
      },
      {
        index: 16,
        path: '0004_c1s1_000005_00.png',
        code: 'picture_too_large',
        message: expect.stringContaining('8388609 bytes'),
      },
    ]);
  }
  expect(new Set(answers.map(({ sha256 }) => sha256)).size).toBe(1);
  expect((await send('GET', '/v1/sets/pictures')).body).toMatchObject({
    kind: 'pictures',
    brokenPictures: 5,
  });
});

test('what is no picture is passed over: folders, notes, and what systems leave behind', async () => {
  const { sha256 } = await stored([zip(files), '?names=market1501']);
  const littered: Files = {
    'readme.txt': new Uint8Array(10),
    'folder/': new Uint8Array(),
    '__MACOSX/._0000_c1s1_000450_00.png': new Uint8Array(10),
    'Thumbs.db': new Uint8Array(10),
    '.DS_Store': new Uint8Array(10),
    ...files,
  };
  expect((await stored([zip(littered), '?names=market1501'])).sha256).toBe(sha256);
});
