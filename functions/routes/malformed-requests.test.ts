import { env } from 'cloudflare:workers';
import { serialiseNpy } from '@softmargin/shared/sets/npy.ts';
import { serialiseNpz } from '@softmargin/shared/sets/npz.ts';
import * as fc from 'fast-check';
import { zipSync } from 'fflate';
import { expect, test } from 'vitest';
import { createApp } from '../app.ts';
import { SAMPLE_PICTURE } from '../inference/sample.ts';
import { errorSchema } from '../openapi/answers.ts';
import { operations, parameters } from '../openapi/operations.ts';
import { concatenated, tarOf } from '../test/archives.ts';
import { fromBase64, keyOf } from '../test/client.ts';

/** More than these, by the variable MALFORMED_REQUESTS: ten thousand take some minutes. Others by MALFORMED_SEED. */
const REQUESTS = Number(env.MALFORMED_REQUESTS ?? 1000);
const SEED = Number(env.MALFORMED_SEED ?? 7);

/** What another owner has, which no answer may show unless the request named it. */
const SECRET = 'nobody-elses';
const theirs: Record<string, string> = { set: SECRET };

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.constantFrom(
    '',
    '..',
    '%00',
    '-1',
    '1e9',
    'null',
    "' OR 1=1 --",
    '__proto__',
    'constructor',
    'a'.repeat(5000),
  ),
);

/** Also what another owner has under that name, which is there only once the tests have begun. */
const parameter = (name: string) =>
  fc.oneof(
    text,
    fc.uuid(),
    fc.constant(String(parameters[name].example)),
    fc.constant(null).map(() => theirs[name] ?? SECRET),
  );

/** What of a path may be written differently. */
const pathChange = fc.oneof(
  { weight: 8, arbitrary: fc.constant((path: string) => path) },
  fc.constantFrom<((path: string) => string)[]>(
    (path) => `${path}/`,
    (path) => path.replace('/v1/', '/v1//'),
    (path) => path.replace('/v1/', '/V1/'),
    (path) => path.replace('/v1/', '/v1/./'),
    (path) => `${path}%`,
    (path) => `${path}%ff%fe`,
    (path) => `${path}/..%2f..`,
    (path) => `${path};a=b`,
    (path) => path.replaceAll('s', '%73'),
  ),
);

const headerValue = fc.oneof(
  fc.stringMatching(/^[\x21-\x7e]{0,40}$/),
  fc.constantFrom('a'.repeat(8000), '-1', '0', '1e99', 'bytes=0-1', '*', 'null', 'gzip', 'W/"x"', '../..'),
);

const otherHeaders = fc.dictionary(
  fc.constantFrom(
    ...['Accept', 'Content-Encoding', 'Content-Length', 'If-None-Match', 'Last-Event-ID', 'Origin', 'Range'],
    ...['X-Request-Id', 'X-Forwarded-For', 'Cookie', 'Transfer-Encoding'],
  ),
  headerValue,
  { maxKeys: 2 },
);

const query = fc.dictionary(
  fc.oneof(
    fc.constantFrom('limit', 'after', 'state', 'side', 'names', 'sha256', 'resamples', 'owner', 'flip'),
    text,
  ),
  text,
  { maxKeys: 3 },
);

const type = fc.constantFrom(
  ...['application/json', 'image/png', 'image/jpeg', 'application/octet-stream', 'text/plain', ''],
  ...['multipart/form-data', 'multipart/form-data; boundary=x', 'application/json; charset=utf-16'],
);

/** A value with one of its parts replaced by another value. */
const mutated = (value: unknown): fc.Arbitrary<unknown> => {
  const other = fc.jsonValue({ maxDepth: 2 });
  if (typeof value !== 'object' || value === null) return other;
  const keys = Object.keys(value);
  if (keys.length === 0) return other;
  return fc.constantFrom(...keys).chain((key) =>
    fc.oneof(
      mutated((value as Record<string, unknown>)[key]).map((part) =>
        Array.isArray(value)
          ? value.map((item, i) => (String(i) === key ? part : item))
          : { ...value, [key]: part },
      ),
      other.map((part) => ({ ...value, extra: part })),
    ),
  );
};

const MAGIC = [
  [0x50, 0x4b, 3, 4],
  [0x1f, 0x8b, 8, 0],
  [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0],
  [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
  [0xff, 0xd8, 0xff, 0xc2],
  [...new TextEncoder().encode('--x\r\nContent-Disposition: form-data; name="features"\r\n\r\n')],
  [0x40, 0, 0, 0, 0, 0, 0, 0, 0x7b],
];

const bytes = fc
  .tuple(fc.constantFrom([], ...MAGIC), fc.uint8Array({ maxLength: 400 }))
  .map(([first, rest]) => Uint8Array.from([...first, ...rest]));

const SET = {
  ...{ count: 2, dimension: 2, features: Float32Array.of(1, 0, 0, 1) },
  ...{ identities: Int32Array.of(1, 2), cameras: Int32Array.of(1, 1) },
};
const PICTURES = {
  '0001_c1s1_1.png': fromBase64(SAMPLE_PICTURE),
  'labels.csv': new TextEncoder().encode('path,a'),
};

const utf8 = (text: string) => new TextEncoder().encode(text);
const header = utf8('{"features":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}');

/** A file of each format, as it should be. */
const FILES: readonly Uint8Array[] = [
  serialiseNpz(SET),
  serialiseNpy(SET.features, [2, 2]),
  zipSync(PICTURES),
  tarOf(PICTURES),
  concatenated([Uint8Array.of(header.length, 0, 0, 0, 0, 0, 0, 0), header, new Uint8Array(16)]),
  utf8(
    `--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n${'a'.repeat(40)}\r\n--x--\r\n`,
  ),
  utf8('identity,camera\n1,1\n2,1\n'),
  PICTURES['0001_c1s1_1.png'],
];

/** A file that breaks off, has bytes replaced, or something behind its end. */
const damaged = fc
  .record({
    file: fc.constantFrom(...FILES),
    end: fc.double({ min: 0, max: 1, noNaN: true }),
    changes: fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255)), { maxLength: 4 }),
    more: fc.uint8Array({ maxLength: 20 }),
  })
  .map(({ file, end, changes, more }) => {
    const bytes = file.slice(0, Math.ceil((0.5 + end) * file.length));
    for (const [at, byte] of changes) bytes[Math.floor(at * (bytes.length - 1))] = byte;
    return concatenated([bytes, more]);
  });

const request = fc.constantFrom(...operations).chain((operation) =>
  fc.record({
    path: fc
      .tuple(...[...operation.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => parameter(name)))
      .map((values) => {
        let next = 0;
        return operation.path.replaceAll(/\{\w+\}/g, () => encodeURIComponent(values[next++].toWellFormed()));
      }),
    method: fc.oneof(
      { weight: 6, arbitrary: fc.constant(operation.method.toUpperCase()) },
      { weight: 1, arbitrary: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS') },
    ),
    query,
    type,
    idempotency: fc.option(fc.stringMatching(/^[\x20-\x7e]{0,300}$/)),
    change: pathChange,
    headers: otherHeaders,
    body: fc.oneof(
      bytes,
      { weight: 2, arbitrary: damaged },
      fc.json({ maxDepth: 3 }),
      ...Object.values(operation.examples ?? {}).map((example) =>
        mutated(example).map((value) => JSON.stringify(value)),
      ),
    ),
  }),
);

test(`${REQUESTS} malformed requests over every route: none is the server's fault, and none shows its inside`, {
  timeout: 1_200_000,
}, async () => {
  const app = createApp();
  const authorized = await keyOf('malformed', 'embed', 'evaluate', 'admin');
  const bindings = { ...env, METRICS_FLUSH_MS: '500' };
  const other = await keyOf('not-malformed', 'embed', 'evaluate', 'admin');
  const ofOther = async (path: string, method = 'GET', body?: object) => {
    const init = { method, headers: other, ...(body !== undefined && { body: JSON.stringify(body) }) };
    const response = await app.request(path, init, bindings);
    expect(response.status).toBeLessThan(300);
    return response.json<{ id: string }>();
  };
  const set = { features: [[1], [2]], identities: [1, 1], cameras: [1, 2] };
  await ofOther(`/v1/sets/${SECRET}`, 'PUT', set);
  const begun = await ofOther(`/v1/sets/${SECRET}/uploads`, 'POST', { count: 2, dimension: 1 });
  const job = { query: SECRET, gallery: SECRET, protocol: 'none', distance: 'cosine' };
  const evaluation = await ofOther('/v1/evaluations', 'POST', job);
  const key = await ofOther('/v1/keys', 'POST', { name: SECRET, scopes: ['embed'] });
  Object.assign(theirs, { upload: begun.id, id: evaluation.id, other: evaluation.id, key: key.id });
  const all = ['/v1/sets', `/v1/sets/${SECRET}/uploads/${begun.id}`, '/v1/keys', '/v1/models'];
  const state = async () =>
    JSON.stringify(await Promise.all(all.map((path) => ofOther(path)))).replaceAll(
      /"lastUsedAt":"[^"]*"|"lastUsedAt":null/g,
      '',
    );
  const before = await state();

  const property = fc.asyncProperty(request, async (given) => {
    const { path, change, method, query, type, idempotency, headers, body } = given;
    const parameters = new URLSearchParams(
      Object.entries(query).map(([name, value]) => [name.toWellFormed(), value.toWellFormed()]),
    );
    const response = await app.request(
      `${change(path)}?${parameters}`,
      {
        method,
        headers: {
          ...headers,
          ...authorized,
          ...(type !== '' && { 'Content-Type': type }),
          ...(idempotency !== null && { 'Idempotency-Key': idempotency }),
        },
        ...(!['GET', 'HEAD'].includes(method) && { body: body as BodyInit }),
      },
      bindings,
    );
    const answer = await response.text();
    const named = JSON.stringify(given) + (body instanceof Uint8Array ? '' : body);
    for (const secret of Object.values(theirs))
      if (!named.includes(secret)) expect(answer).not.toContain(secret);
    expect(response.status, answer).toBeLessThan(500);
    if (response.status < 400 || method === 'HEAD') return;
    expect(answer).not.toMatch(/\n\s+at |\.ts:\d|node_modules|SQLITE|D1_ERROR/);
    expect(errorSchema.safeParse(JSON.parse(answer)).error, answer).toBeUndefined();
    expect(response.headers.get('X-Request-Id')).toMatch(/\S/);
  });
  await fc.assert(property, { seed: SEED, numRuns: REQUESTS, endOnFailure: true });
  expect(await state()).toBe(before);
  expect((await app.request('/health', {}, bindings)).status).toBe(200);
});
