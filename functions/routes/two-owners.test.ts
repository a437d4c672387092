import { env } from 'cloudflare:workers';
import * as fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { createApp } from '../app.ts';
import { SAMPLE_PICTURE } from '../inference/sample.ts';
import { operations } from '../openapi/operations.ts';
import { keyOf } from '../test/client.ts';

const SET = {
  features: [
    [1, 0],
    [0, 1],
  ],
  identities: [1, 1],
  cameras: [1, 2],
};
const NAMES = { set: 'secret-set', model: 'secret-model' };
const RULE = { protocol: 'none', distance: 'cosine' };
const IDEMPOTENCY = { 'Idempotency-Key': 'the-victims' };

const app = createApp();
const all = ['embed', 'evaluate', 'admin'] as const;
let victim: { Authorization: string };
let attacker: { Authorization: string };
/** What the victim has, by the parameter of paths that names it. */
const theirs: Record<string, string> = { ...NAMES };

async function ask(
  as: { Authorization: string },
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
) {
  const response = await app.request(
    path,
    {
      method,
      headers: { ...as, 'Content-Type': 'application/json', ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    },
    env,
  );
  return {
    status: response.status,
    headers: Object.fromEntries(response.headers),
    text: await response.text(),
  };
}

beforeAll(async () => {
  victim = await keyOf('victim', ...all);
  attacker = await keyOf('attacker', ...all);
  const made = async (path: string, method: string, body: object, headers = {}) => {
    const { status, text } = await ask(victim, method, path, body, headers);
    expect(status, text).toBeLessThan(300);
    return JSON.parse(text).id as string;
  };
  await made('/v1/sets/secret-set', 'PUT', SET);
  theirs.upload = await made('/v1/sets/secret-set/uploads', 'POST', { count: 2, dimension: 2 });
  const job = { query: 'secret-set', gallery: 'secret-set', ...RULE };
  theirs.id = await made('/v1/evaluations', 'POST', job, IDEMPOTENCY);
  theirs.other = theirs.id;
  theirs.key = await made('/v1/keys', 'POST', { name: 'theirs', scopes: ['embed'] });
  await env.CATALOGUE.prepare(
    "INSERT INTO models (owner, name, sha256, bytes, manifest, created_at) VALUES ('victim', ?, ?, 1, '{}', '')",
  )
    .bind(NAMES.model, 'f'.repeat(64))
    .run();
}, 60_000);

/** What an answer says, with the names that were asked for taken out, and what differs from request to request. */
function said(answer: Awaited<ReturnType<typeof ask>>, named: readonly string[]) {
  const { 'x-request-id': _, 'server-timing': __, ...headers } = answer.headers;
  let text = JSON.stringify({ ...answer, headers });
  for (const name of named) text = text.replaceAll(name, '<name>');
  return text.replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>');
}

/** Names and ids that nobody has, of the same form as those that the victim has. */
const nobodys = fc.record({
  set: fc.stringMatching(/^[a-z]{6}-[a-z]{3}$/),
  model: fc.stringMatching(/^[a-z]{6}-[a-z]{5}$/),
  upload: fc.uuid(),
  id: fc.uuid(),
  other: fc.uuid(),
  key: fc.uuid(),
});

/** Bodies that name things: `<set>` and `<model>` stand for them. */
const bodies: Readonly<Record<string, readonly object[]>> = {
  createEvaluation: [
    { query: '<set>', gallery: '<set>', ...RULE },
    { query: '<set>', gallery: 'nothing', ...RULE, dryRun: true },
    { query: 'own', gallery: '<set>', ...RULE },
    { query: 'own', gallery: 'own', model: '<model>', ...RULE },
  ],
  searchSet: [{ embeddings: [[1, 0]] }, { input: SAMPLE_PICTURE, model: '<model>' }],
  createEmbeddings: [{ input: SAMPLE_PICTURE, model: '<model>' }],
  beginUpload: [{ count: 2, dimension: 2 }],
  completeUpload: [{ identities: [1, 1], cameras: [1, 2] }],
  putSet: [SET],
  putModel: [{}],
  putPart: [{}],
};

const attacks = operations.flatMap((operation) =>
  (bodies[operation.id] ?? [undefined]).map((body) => ({ operation, body })),
);

function fill(text: string, names: Readonly<Record<string, string>>): string {
  return text
    .replaceAll(/\{(\w+)\}/g, (_, name: string) => names[name] ?? '1')
    .replaceAll(/<(\w+)>/g, (_, name: string) => names[name]);
}

test('what another has is answered as what nobody has: status, headers and body', {
  timeout: 180_000,
}, async () => {
  await ask(attacker, 'PUT', '/v1/sets/own', SET);
  const untouched = await ask(victim, 'GET', '/v1/sets/secret-set');
  const runs = fc.asyncProperty(
    nobodys,
    fc.shuffledSubarray(attacks, { minLength: attacks.length }),
    async (names, order) => {
      for (const { operation, body } of order) {
        const path = operation.path;
        if (!/[{]/.test(path) && body === undefined) continue;
        const answers = [];
        for (const target of [theirs, names]) {
          const filled = body === undefined ? undefined : JSON.parse(fill(JSON.stringify(body), target));
          answers.push(
            said(
              await ask(attacker, operation.method.toUpperCase(), fill(path, target), filled),
              Object.values(target),
            ).replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '<id>'),
          );
          // A set of that name would be the attacker's own from here on.
          if (['putSet', 'beginUpload'].includes(operation.id)) {
            await ask(attacker, 'DELETE', `/v1/sets/${target.set}`);
          }
        }
        expect(answers[0], operation.id).toBe(answers[1]);
      }
    },
  );
  await fc.assert(runs, { seed: 1, numRuns: 4, endOnFailure: true });
  expect(said(await ask(victim, 'GET', '/v1/sets/secret-set'), [])).toBe(said(untouched, []));
  for (const path of [`/v1/evaluations/${theirs.id}`, `/v1/keys/${theirs.key}`]) {
    expect((await ask(victim, 'GET', path)).status).toBe(200);
  }
});

test('lists have nothing of another, and an idempotency key is no other owner’s', async () => {
  for (const path of ['/v1/sets', '/v1/models', '/v1/evaluations', '/v1/keys']) {
    const { text } = await ask(attacker, 'GET', path);
    for (const name of Object.values(theirs)) expect(text).not.toContain(name);
  }
  await ask(attacker, 'PUT', '/v1/sets/own', SET);
  const job = { query: 'own', gallery: 'own', ...RULE };
  const { status, text } = await ask(attacker, 'POST', '/v1/evaluations', job, IDEMPOTENCY);
  expect(status).toBe(202);
  expect(JSON.parse(text).id).not.toBe(theirs.id);
});

test('to sweep after one owner leaves what another stores under the same content', async () => {
  const put = await ask(attacker, 'PUT', '/v1/sets/copy', SET);
  const { sha256 } = JSON.parse((await ask(victim, 'GET', '/v1/sets/secret-set')).text);
  expect(JSON.parse(put.text).sha256).toBe(sha256);
  await ask(attacker, 'DELETE', '/v1/sets/copy');
  const found = await ask(victim, 'POST', '/v1/sets/secret-set/search', { embeddings: [[1, 0]] });
  expect(found.status, found.text).toBe(200);
});
