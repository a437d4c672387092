import { env } from 'cloudflare:workers';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createApp } from '../app.ts';
import { errorSchema } from '../openapi/answers.ts';
import { operations, parameters } from '../openapi/operations.ts';
import { keyOf } from '../test/client.ts';

/** More than these, by the variable MALFORMED_REQUESTS: ten thousand take some minutes. */
const REQUESTS = Number(env.MALFORMED_REQUESTS ?? 1000);

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

const parameter = (name: string) => fc.oneof(text, fc.uuid(), fc.constant(String(parameters[name].example)));

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
    body: fc.oneof(
      bytes,
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
  const property = fc.asyncProperty(request, async ({ path, method, query, type, idempotency, body }) => {
    const parameters = new URLSearchParams(
      Object.entries(query).map(([name, value]) => [name.toWellFormed(), value.toWellFormed()]),
    );
    const response = await app.request(
      `${path}?${parameters}`,
      {
        method,
        headers: {
          ...authorized,
          ...(type !== '' && { 'Content-Type': type }),
          ...(idempotency !== null && { 'Idempotency-Key': idempotency }),
        },
        ...(!['GET', 'HEAD'].includes(method) && { body: body as BodyInit }),
      },
      bindings,
    );
    const answer = await response.text();
    expect(response.status, answer).toBeLessThan(500);
    if (response.status < 400 || method === 'HEAD') return;
    expect(answer).not.toMatch(/\n\s+at |\.ts:\d|node_modules|SQLITE|D1_ERROR/);
    expect(errorSchema.safeParse(JSON.parse(answer)).error, answer).toBeUndefined();
    expect(response.headers.get('X-Request-Id')).toMatch(/\S/);
  });
  await fc.assert(property, { seed: 7, numRuns: REQUESTS, endOnFailure: true });
  expect((await app.request('/health', {}, bindings)).status).toBe(200);
});
