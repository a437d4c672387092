import { env } from 'cloudflare:workers';
import { zipSync } from 'fflate';
import { beforeEach, describe, expect, inject, test } from 'vitest';
import { contentKey, putObject } from '../sets/content-store.ts';
import { PictureContent } from '../sets/picture-content.ts';
import { type Files, formOf, tarOf } from '../test/archives.ts';
import { type Answer, fromBase64, keyOf, send, sendJson } from '../test/client.ts';
import { evaluationAtEnd, startEvaluation } from '../test/sets.ts';

const digits = inject('digits').map((files) => files.map(fromBase64));

/** Pictures of ten digits as Market-1501 names them: the digit is the identity. */
const files: Files = Object.fromEntries(
  digits.flatMap((pictures, digit) =>
    pictures
      .slice(0, 6)
      .map((png, i) => [`${String(digit).padStart(4, '0')}_c${(i % 3) + 1}s1_${i}_00.png`, png]),
  ),
);
const paths = Object.keys(files);
const ranges = [
  [0, 20],
  [20, 45],
  [45, 60],
] as const;
const parts = ranges.map(([start, end]) => some(start, end));
const table = ['path,identity,camera', ...paths.map((path) => `${path},${path.slice(0, 4)},${path[6]}`)];

function some(start: number, end: number): Files {
  return Object.fromEntries(Object.entries(files).slice(start, end));
}

function zip(content: Files): Uint8Array<ArrayBuffer> {
  return zipSync(content as Record<string, Uint8Array>) as Uint8Array<ArrayBuffer>;
}

async function begin(request: object = {}): Promise<string> {
  const answer = await sendJson('POST', '/v1/sets/pictures/uploads', {
    ...{ kind: 'pictures', count: paths.length, names: 'market1501' },
    ...request,
  });
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.headers.get('Location') as string;
}

function putPart(path: string, part: number, body: BodyInit): Promise<Answer> {
  return send('PUT', `${path}/parts/${part}`, body);
}

async function putAll(path: string): Promise<void> {
  for (const [i, part] of parts.entries()) {
    expect((await putPart(path, i + 1, zip(part))).status).toBe(201);
  }
}

function complete(path: string, body?: BodyInit): Promise<Answer> {
  return send('POST', `${path}/complete`, body);
}

async function refusal(answer: Promise<Answer>): Promise<string> {
  const { status, body } = await answer;
  return `${status} ${body.error?.code} ${body.error?.param}: ${body.error?.message}`;
}

beforeEach(async () => {
  await send('DELETE', '/v1/sets/pictures');
});

test('an upload says the rule of its parts, what is there and when it expires', async () => {
  const path = await begin({ count: 3 });
  const part = await putPart(path, 1, zip(some(0, 2)));
  const bytes = Object.values(some(0, 2)).reduce((sum, file) => sum + file.length, 0);
  expect(part.body).toEqual({
    ...{ part: 1, object: 'upload.part', pictures: 2, bytes, labels: true },
    sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
  });
  expect((await send('GET', path)).body).toEqual({
    ...{ id: expect.any(String), object: 'upload', set: 'pictures', kind: 'pictures', count: 3 },
    names: 'market1501',
    partRule: { maxBytes: 100_000_000, maxPictures: 50_000, maxParts: 2000, maxSetBytes: 8_589_934_592 },
    parts: [part.body],
    pictures: 2,
    createdAt: expect.any(String),
    expiresAt: expect.any(String),
  });
});

test('parts of any form, in any order and again, make a set of all pictures in the order of the parts', async () => {
  const path = await begin();
  expect((await putPart(path, 3, formOf('pictures', parts[2]))).status).toBe(201);
  expect((await putPart(path, 1, zip(parts[0]))).status).toBe(201);
  expect((await putPart(path, 2, zip(parts[0]))).status).toBe(201);
  const again = await putPart(path, 1, tarOf(parts[0]));
  expect(again.status).toBe(200);
  expect((await putPart(path, 2, tarOf(parts[1]))).status).toBe(200);
  expect((await send('GET', '/v1/sets/pictures')).status).toBe(404);

  const done = await complete(path);
  expect(done.status, JSON.stringify(done.body)).toBe(201);
  expect(done.body).toMatchObject({
    ...{ id: 'pictures', kind: 'pictures', count: 60, dimension: null, identities: 10, cameras: 3 },
    brokenPictures: 0,
  });
  expect(done.body.errors).toBeUndefined();
  const content = await PictureContent.open(env.STORE, done.body.sha256);
  const entries = await content.entries();
  expect(entries.map((entry) => entry.path)).toEqual(paths);
  expect(await content.files(entries)).toEqual(Object.values(files));
  expect(await content.labels()).toEqual({
    identities: Int32Array.from(paths, (name) => Number(name.slice(0, 4))),
    cameras: Int32Array.from(paths, (name) => Number(name[6])),
  });
  // A few of them, across the parts.
  expect((await content.entries(19, 47)).map((entry) => entry.path)).toEqual(paths.slice(19, 47));
  const page = await send('GET', '/v1/sets/pictures/items?limit=3&after=18');
  expect(page.body.data).toEqual(
    [19, 20, 21].map((index) => ({
      ...{
        index,
        path: paths[index],
        identity: Number(paths[index].slice(0, 4)),
        camera: Number(paths[index][6]),
      },
    })),
  );
  // The upload has ended with it.
  expect(await refusal(putPart(path, 1, zip(parts[0])))).toMatch(/^404 upload_not_found/);
});

test('one part makes the set that one body makes, and the same parts the same set', async () => {
  const whole = await send('PUT', '/v1/sets/whole?names=market1501', zip(files));
  const path = await begin();
  await putPart(path, 1, tarOf(files));
  const done = await complete(path, JSON.stringify({ sha256: whole.body.sha256 }));
  expect([done.status, done.body.sha256]).toEqual([201, whole.body.sha256]);
  const hashes = new Set<string>();
  for (let time = 0; time < 2; time++) {
    const next = await begin();
    await putAll(next);
    hashes.add((await complete(next)).body.sha256);
  }
  expect(hashes.size).toBe(1);
});

test('labels with every part, or at completion, are those that the names give', async () => {
  const named = await begin();
  await putAll(named);
  const { sha256 } = (await complete(named)).body;
  const csv = (rows: readonly string[]) => new TextEncoder().encode(rows.join('\n'));

  const labelled = await begin({ names: undefined });
  for (const [i, [start, end]] of ranges.entries()) {
    const labels = csv([table[0], ...table.slice(1 + start, 1 + end)]);
    expect((await putPart(labelled, i + 1, zip({ ...parts[i], 'labels.csv': labels }))).body).toMatchObject({
      labels: true,
    });
  }
  expect((await complete(labelled)).body.sha256).toBe(sha256);

  const shuffled = [table[0], ...table.slice(1).reverse()];
  for (const body of [csv(shuffled), formOf('labels', { 'labels.csv': csv(shuffled) })]) {
    const path = await begin({ names: undefined });
    await putAll(path);
    const done = await complete(path, body);
    expect(done.status, JSON.stringify(done.body)).toBeLessThan(300);
    expect(done.body.sha256).toBe(sha256);
  }
});

test('pictures that cannot be read are reported with their part and with the set, and the rest goes on', async () => {
  const path = await begin({ count: 24 });
  const broken = digits[4][0].subarray(0, 100);
  // A part of broken ones alone is one too.
  const first = await putPart(
    path,
    1,
    zip({ '0004_c1s1_1_00.png': broken, '0004_c1s1_2_00.png': new Uint8Array() }),
  );
  expect(first.status, JSON.stringify(first.body)).toBe(201);
  expect(first.body.errors).toEqual([
    { index: 0, path: '0004_c1s1_1_00.png', code: 'picture_damaged', message: expect.any(String) },
    { index: 1, path: '0004_c1s1_2_00.png', code: 'picture_empty', message: expect.any(String) },
  ]);
  expect((await putPart(path, 2, zip(parts[0]))).body.errors).toBeUndefined();
  await putPart(path, 3, zip({ '0009_c1s1_9_00.png': digits[9][9], '0004_c1s1_3_00.png': broken }));
  const done = await complete(path);
  expect(done.body).toMatchObject({ count: 24, brokenPictures: 3 });
  expect(done.body.errors).toEqual([
    ...first.body.errors,
    { index: 23, path: '0004_c1s1_3_00.png', code: 'picture_damaged', message: expect.any(String) },
  ]);
});

test('an evaluation of pictures that came in parts is the one of those that came in one body', async () => {
  await send('PUT', '/v1/sets/whole?names=market1501', zip(files));
  const path = await begin();
  await putAll(path);
  await complete(path);
  const rule = { protocol: 'all', distance: 'cosine', model: 'mnist-wide' } as const;
  const results = [];
  for (const name of ['pictures', 'whole']) {
    const job = await evaluationAtEnd(await startEvaluation({ query: name, gallery: name, ...rule }));
    expect(job.error).toBeUndefined();
    results.push(job.result);
  }
  // The embeddings are the same content; only the pictures lie differently.
  expect(results[0]).toEqual(results[1]);
});

test('a set from before there were pages is read as it was', async () => {
  const { sha256 } = (await send('PUT', '/v1/sets/whole?names=market1501', zip(some(0, 3)))).body;
  const content = await PictureContent.open(env.STORE, sha256);
  const { labels } = JSON.parse(await ((await env.STORE.get(contentKey(sha256))) as R2ObjectBody).text()) as {
    labels: string;
  };
  const entries = await content.entries();
  const json = (value: unknown) => putObject(env.STORE, new TextEncoder().encode(JSON.stringify(value)));
  const blocks = [...new Set(entries.map(({ place }) => place?.block))];
  const pictures = await json(entries.map(({ path, place }) => [path, 0, place?.start, place?.bytes]));
  const old = await PictureContent.open(
    env.STORE,
    await json({ format: 2, count: 3, blocks, pictures, labels }),
  );
  expect(await old.entries(1, 3)).toEqual(entries.slice(1, 3));
  expect(await old.files(await old.entries())).toEqual(Object.values(some(0, 3)));
  expect(await old.labels()).toEqual(await content.labels());
});

test('the same part at the same time, all at once, and completed twice', async () => {
  const path = await begin();
  const answers = await Promise.all([1, 2, 3, 3, 1].map((part) => putPart(path, part, zip(parts[part - 1]))));
  for (const { status } of answers) expect([200, 201]).toContain(status);
  const completions = await Promise.all([complete(path), complete(path)]);
  const statuses = completions.map(({ status }) => status).sort();
  expect(statuses[0]).toBe(201);
  expect([404, 409]).toContain(statuses[1]);
  expect((await send('GET', '/v1/sets/pictures')).body).toMatchObject({ count: 60 });
});

test('nothing is left of an upload that is taken back, nor of parts that were refused or replaced', async () => {
  const count = (name: string) =>
    env.CATALOGUE.prepare(`SELECT COUNT(*) AS n FROM ${name}`).first<number>('n');
  const objects = async () => (await env.STORE.list()).objects.map(({ key }) => key).sort();
  await send('DELETE', '/v1/sets/whole');
  const before = await objects();
  const rows = await Promise.all(['uploads', 'upload_parts'].map(count));
  const path = await begin();
  await putAll(path);
  expect((await send('DELETE', path)).status).toBe(200);
  expect(await objects()).toEqual(before);
  expect(await Promise.all(['uploads', 'upload_parts'].map(count))).toEqual(rows);

  const replaced = await begin({ count: 20 });
  await putPart(replaced, 1, zip(parts[0]));
  // Block, page and labels of the part that is there; of those that are refused or replaced, nothing waits for the end.
  const open = await objects();
  expect(open).toHaveLength(before.length + 3);
  for (let time = 0; time < 2; time++) {
    expect((await putPart(replaced, 1, zip({ ...some(20, 40), 'zebra.png': digits[0][0] }))).status).toBe(
      400,
    );
    expect(await objects()).toEqual(open);
    expect((await putPart(replaced, 1, zip(some(40, 60)))).status).toBe(200);
    expect(await objects()).toHaveLength(open.length);
    expect((await putPart(replaced, 1, tarOf(parts[0]))).status).toBe(200);
    expect(await objects()).toEqual(open);
  }
  const { sha256 } = (await complete(replaced)).body;
  await send('PUT', '/v1/sets/whole?names=market1501', zip(parts[0]));
  await send('DELETE', '/v1/sets/whole');
  // Block, page, labels and index of what is left.
  expect(await objects()).toHaveLength(before.length + 4);
  expect(await (await PictureContent.open(env.STORE, sha256)).entries()).toHaveLength(20);
});

test("another owner's upload is not there", async () => {
  const path = await begin();
  const other = await keyOf('somebody-else', 'evaluate');
  for (const [method, at, body] of [
    ['GET', path],
    ['PUT', `${path}/parts/1`, zip(parts[0])],
    ['POST', `${path}/complete`],
    ['DELETE', path],
  ] as const) {
    const answer = await send(method, at, body, other);
    expect([answer.status, answer.body.error.code]).toEqual([404, 'upload_not_found']);
  }
});

describe('what is refused', () => {
  test.each<[string, object, string]>([
    ['no count', { count: undefined }, 'count'],
    ['too many pictures', { count: 200_001 }, 'count'],
    ['a dimension', { dimension: 512 }, 'dimension'],
    ['a type', { dtype: 'float32' }, 'dtype'],
    ['names of no known kind', { names: 'imagenet' }, 'names'],
    ['another kind', { kind: 'sounds' }, 'kind'],
  ])('an upload with %s', async (_, request, param) => {
    const { status, body } = await sendJson('POST', '/v1/sets/pictures/uploads', {
      ...{ kind: 'pictures', count: 5, names: 'market1501' },
      ...request,
    });
    expect([status, body.error.param]).toEqual([400, param]);
  });

  test('parts that cannot be of the set, and the upload goes on', async () => {
    const path = await begin({ count: 20 });
    const png = digits[0][0];
    const refused = (body: BodyInit, part = 1) => refusal(putPart(path, part, body));
    expect(await refused(zip(files))).toMatch(
      /pictures of part 1: 60 pictures; the whole upload .* count 20/,
    );
    expect(await refused(zip({ 'readme.txt': png }))).toMatch(/^400 invalid_set pictures: .*none/);
    expect(await refused(zip({ 'cat.png': png }))).toMatch(/^400 invalid_set names: .*cat\.png/);
    expect(await refused(zip({ '../0001_c1s1_1_00.png': png }))).toMatch(/leads out of the archive/);
    expect(await refused(zip(parts[0]).subarray(0, 3000))).toMatch(/^400 invalid_set/);
    expect(await refused('{"features": [[1]]}')).toMatch(/^400 invalid_set/);
    expect(await refused(zip(parts[0]), 2001)).toMatch(/^400 invalid_value part: .*2000 parts/);
    expect((await send('GET', path)).body).toMatchObject({ parts: [], pictures: 0 });
    await putPart(path, 1, zip(parts[0]));
    expect((await complete(path)).status).toBe(201);
  });

  test('completion with a part missing, too few pictures, or a path that is there twice', async () => {
    const path = await begin();
    expect(await refusal(complete(path))).toMatch(/^409 upload_incomplete parts: parts: 0 of 60 pictures/);
    await putPart(path, 2, zip(parts[1]));
    expect(await refusal(complete(path))).toMatch(/part 1 is missing; 25 of 60 pictures are there/);
    await putPart(path, 1, zip(parts[0]));
    expect(await refusal(complete(path))).toMatch(/45 of 60 pictures are there/);
    await putPart(path, 3, zip(some(44, 59)));
    expect(await refusal(complete(path))).toBe(
      `400 invalid_set parts: parts: ${paths[44]} is in part 2 and in part 3; a path is there once. Send one of them again without it.`,
    );
    await putPart(path, 3, zip(parts[2]));
    expect(await refusal(send('POST', `${path}/complete?sha256=${'0'.repeat(64)}`))).toMatch(
      /^422 hash_mismatch/,
    );
    expect((await complete(path)).status).toBe(201);
  });

  test('labels that are missing, come twice, or are of other pictures', async () => {
    const path = await begin({ names: undefined });
    await putAll(path);
    expect(await refusal(complete(path))).toMatch(/^400 invalid_set names: .*market1501.*labels\.csv/);
    expect(await refusal(complete(path, table.slice(0, -1).join('\n')))).toMatch(
      new RegExp(`^400 invalid_set labels: labels: the picture "${paths[59]}" has no line`),
    );
    expect(await refusal(complete(path, [...table, 'x.png,1,1'].join('\n')))).toMatch(
      /line 62: there is no picture "x\.png"/,
    );
    expect(await refusal(complete(path, 'identity,camera\n1,2'))).toMatch(/^400 invalid_set labels: .*path/);
    expect(await refusal(complete(path, JSON.stringify({ identities: [1] })))).toMatch(/^400 \w+ identities/);
    expect(await refusal(complete(path, zip(parts[0])))).toMatch(/come in parts, not at completion/);
    await putPart(
      path,
      2,
      zip({
        ...parts[1],
        'labels.csv': new TextEncoder().encode([table[0], ...table.slice(21, 46)].join('\n')),
      }),
    );
    expect(await refusal(complete(path, table.join('\n')))).toMatch(/at completion and with part 2/);
  });

  test('a set of which not one picture can be read', async () => {
    const path = await begin({ count: 1 });
    await putPart(path, 1, zip({ '0001_c1s1_1_00.png': new Uint8Array(5) }));
    expect(await refusal(complete(path))).toMatch(
      /^400 invalid_set body: None of the 1 pictures can be read/,
    );
  });
});
