import { createRandom } from '@softmargin/shared/random.ts';
import { serialiseNpy } from '@softmargin/shared/sets/npy.ts';
import { serialiseNpz } from '@softmargin/shared/sets/npz.ts';
import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { safetensorsFile } from '../../test/safetensors.ts';
import { quantised, randomSet } from '../../test/slow-evaluation.ts';
import { formOf, rowsOf } from '../test/archives.ts';
import { type Answer, send, sendJson } from '../test/client.ts';

const base = randomSet(createRandom(3), 40, 16, quantised);
const set = { ...base, groups: Int32Array.from({ length: 40 }, (_, i) => i >> 2) };
const { count, dimension, features, identities, cameras, groups } = set;

const npy = {
  features: serialiseNpy(features, [count, dimension]),
  identities: serialiseNpy(identities, [count]),
  cameras: serialiseNpy(cameras, [count]),
  groups: serialiseNpy(groups, [count]),
};

const csv = [
  'path,camera,"identity",group',
  ...Array.from(identities, (identity, i) => `"a,${i}.jpg",${cameras[i]},${identity},${groups[i]}`),
].join('\r\n');

const jsonLines = Array.from(identities, (identity, i) =>
  JSON.stringify({
    identity,
    camera: cameras[i],
    group: groups[i],
    embedding: [...features.subarray(i * dimension, (i + 1) * dimension)],
  }),
).join('\n');

function archive(names: Record<string, string>): BodyInit {
  const files = Object.entries(names).map(([name, field]) => [`${name}.npy`, npy[field as keyof typeof npy]]);
  return zipSync(Object.fromEntries(files)) as Uint8Array<ArrayBuffer>;
}

function tensors(...names: [features: string, identities: string, cameras: string, groups: string]) {
  return safetensorsFile({
    [names[1]]: {
      dtype: 'I64',
      shape: [count],
      data: BigInt64Array.from(identities, (value) => BigInt(value)),
    },
    [names[0]]: { dtype: 'F32', shape: [count, dimension], data: features },
    [names[2]]: { dtype: 'I32', shape: [count], data: cameras },
    [names[3]]: { dtype: 'F32', shape: [count], data: Float32Array.from(groups) },
  });
}

const bytes = (array: Uint8Array): BodyInit => array as Uint8Array<ArrayBuffer>;
const text = (value: string) => new TextEncoder().encode(value);

async function gzipped(body: BodyInit): Promise<BodyInit> {
  const stream = new Response(body).body as ReadableStream<Uint8Array<ArrayBuffer>>;
  return new Response(stream.pipeThrough(new CompressionStream('gzip'))).arrayBuffer();
}

async function expectedHash(): Promise<string> {
  return (await send('PUT', '/v1/sets/as-npz', bytes(serialiseNpz(set)))).body.sha256;
}

test.each<[string, BodyInit, string?]>([
  [
    'torchreid-like names',
    archive({ qf: 'features', q_pids: 'identities', q_camids: 'cameras', q_groups: 'groups' }),
  ],
  [
    'other names',
    archive({ labels: 'identities', camids: 'cameras', groups: 'groups', embeddings: 'features' }),
  ],
  [
    'another name beside its own',
    archive({
      features: 'features',
      pids: 'groups',
      identities: 'identities',
      cameras: 'cameras',
      groups: 'groups',
    }),
  ],
  [
    'one side of two',
    archive({
      qf: 'cameras',
      q_pids: 'cameras',
      gf: 'features',
      g_pids: 'identities',
      g_camids: 'cameras',
      g_groups: 'groups',
    }),
    '?side=gallery',
  ],
  ['safetensors', bytes(tensors('features', 'identities', 'cameras', 'groups'))],
  ['safetensors by other names', bytes(tensors('qf', 'q_pids', 'q_camids', 'q_groups'))],
  ['JSON lines', jsonLines],
  ['JSON lines with a break at the end', `${jsonLines}\n`],
  [
    '.npy with labels',
    (() => {
      const form = formOf('features', { 'features.npy': npy.features });
      form.append('labels', new Blob([csv]), 'labels.csv');
      return form;
    })(),
  ],
  [
    'labels before .safetensors without',
    (() => {
      const form = formOf('labels', { 'x.csv': text(csv) });
      const only = safetensorsFile({ feats: { dtype: 'F32', shape: [count, dimension], data: features } });
      form.append('features', new Blob([bytes(only) as Uint8Array<ArrayBuffer>]), 'f.safetensors');
      return form;
    })(),
  ],
  ['an archive with a table', bytes(zipSync({ 'labels.csv': text(csv), 'features.npy': npy.features }))],
])('%s make the set that .npz makes', async (_, body, query = '') => {
  const { status, body: stored } = await send('PUT', `/v1/sets/format${query}`, body);
  expect(stored.error).toBeUndefined();
  expect(status).toBeLessThan(300);
  expect(stored).toMatchObject({ sha256: await expectedHash(), kind: 'embeddings', groups: 10 });
});

test('a packed body is unpacked', async () => {
  for (const body of [bytes(serialiseNpz(set)), jsonLines]) {
    const { body: stored } = await send('PUT', '/v1/sets/packed', await gzipped(body));
    expect(stored).toMatchObject({ sha256: await expectedHash() });
  }
});

test('parts of several formats, with labels in a table at completion', async () => {
  // A block of these rows has 8192, so a part of an upload has all of them but the last.
  const { headers } = await sendJson('POST', '/v1/sets/parts/uploads', { count, dimension });
  const path = headers.get('Location');
  const part = safetensorsFile({ feats: { dtype: 'F32', shape: [count, dimension], data: features } });
  expect((await send('PUT', `${path}/parts/1`, bytes(part))).status).toBe(201);
  const { status, body } = await send('POST', `${path}/complete`, csv);
  expect([status, body.sha256]).toEqual([201, await expectedHash()]);
});

test('a part as JSON lines brings its labels and its groups', async () => {
  const { headers } = await sendJson('POST', '/v1/sets/lines/uploads', { count, dimension });
  const path = headers.get('Location');
  expect((await send('PUT', `${path}/parts/1`, jsonLines)).status).toBe(201);
  const { status, body } = await send('POST', `${path}/complete`);
  expect([status, body.sha256]).toEqual([201, await expectedHash()]);
});

describe('what is refused', () => {
  const form = (labels: string) => {
    const body = formOf('features', { 'f.npy': npy.features });
    body.append('labels', new Blob([labels]), 'l.csv');
    return body;
  };
  const lines = jsonLines.split('\n');
  const few = rowsOf(set, 0, 2);
  const nan = safetensorsFile({
    features: { dtype: 'F16', shape: [2, 2], data: Uint16Array.of(0, 0, 0, 0x7e00) },
    identities: { dtype: 'I32', shape: [2], data: few.identities },
    cameras: { dtype: 'I32', shape: [2], data: few.cameras },
  });

  test.each<[string, BodyInit, string, RegExp, string?]>([
    [
      'two sides and none asked for',
      archive({ qf: 'features', gf: 'features' }),
      'features',
      /holds two sets.*\?side=query/,
    ],
    [
      'two names of one field',
      archive({ pids: 'identities', labels: 'identities' }),
      'identities',
      /"pids" and "labels"/,
    ],
    ['features without labels', bytes(npy.features), 'identities', /none came with 40 rows/],
    ['a table alone', csv, 'features', /no array "features"/],
    [
      'a label that is a word',
      form(csv.replace(',1,', ',one,')),
      'labels',
      /line \d+: \w+ is "one", not a number/,
    ],
    ['half a label', form('identity,camera\n1.5,1'), 'labels', /line 2: identity is 1.5, not a whole number/],
    ['too few rows', form('identity,camera\n1,1'), 'identities', /1 entries for 40 rows/],
    ['another column', form('identity,camera,view\n1,1,1'), 'labels', /no column "view"/],
    ['no column', form('identity\n1'), 'labels', /"camera" is missing/],
    [
      'another field of a form',
      formOf('feature', { 'f.npy': npy.features }),
      'feature',
      /"pictures", "features" and "labels"/,
    ],
    ['an unfinished line', lines.slice(0, 2).join('\n').slice(0, -4), 'line 2', /line 2: it is not JSON/],
    [
      'a line of another length',
      `${lines[0]}\n{"identity":1,"camera":1,"group":1,"embedding":[1]}`,
      'line 2',
      /1 numbers, that of line 1 has 16/,
    ],
    ['a line too long', `${lines[0]}\n${' '.repeat(1_100_000)}`, 'line 2', /longer than 1048576 bytes/],
    ['a number that is none, by row and column', bytes(nan), 'features', /features\[1\]\[1\] is NaN/],
    [
      'safetensors cut',
      bytes(tensors('features', 'identities', 'cameras', 'groups').subarray(0, 900)),
      'features',
      /needs 2560 bytes/,
    ],
    [
      'another side',
      archive({ gf: 'features', g_pids: 'identities', g_camids: 'cameras' }),
      'body',
      /no arrays/,
      '?side=query',
    ],
    ['a side that is none', archive({}), 'side', /side/, '?side=left'],
  ])('%s', async (_, body, param, message, query = '') => {
    const answer: Answer = await send('PUT', `/v1/sets/refused${query}`, body);
    expect([answer.status, answer.body.error?.param]).toEqual([400, param]);
    expect(answer.body.error.message).toMatch(message);
    expect((await send('GET', '/v1/sets/refused')).status).toBe(404);
  });
});
