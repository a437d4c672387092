import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import { hex } from '../hex.ts';
import { type Answer, send, sendJson } from '../test/client.ts';

interface KeyBody {
  readonly id: string;
  readonly key: string;
  readonly lastUsedAt: string | null;
  readonly revokedAt: string | null;
}

async function create(request: object, as?: string): Promise<KeyBody> {
  const answer = await sendJson('POST', '/v1/keys', request, as === undefined ? {} : bearer(as));
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.body as unknown as KeyBody;
}

function bearer(key: string) {
  return { Authorization: `Bearer ${key}` };
}

const get = (path: string, key?: string): Promise<Answer> =>
  send('GET', path, undefined, key === undefined ? {} : bearer(key));

test('a key is shown once, and only its hash is kept', async () => {
  const { id, key } = await create({ name: 'laptop', scopes: ['embed'], owner: 'shown-once' });
  expect(key).toMatch(/^sm_[A-Za-z0-9_-]{43}$/);
  const { body } = await get(`/v1/keys/${id}`);
  expect(body).toEqual({
    ...{ id, object: 'key', owner: 'shown-once', name: 'laptop', scopes: ['embed'] },
    ...{ createdAt: expect.any(String), expiresAt: null, revokedAt: null, lastUsedAt: null },
  });
  const stored = await env.CATALOGUE.prepare('SELECT * FROM keys WHERE id = ?').bind(id).first();
  expect(JSON.stringify(stored)).not.toContain(key);
  expect(stored?.sha256).toBe(hex(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(key))));
});

test('a key opens what its scopes say, and a refusal names the scope', async () => {
  const { key } = await create({ name: 'embeds', scopes: ['embed'], owner: 'scoped' });
  expect((await get('/v1/models', key)).status).toBe(200);
  for (const [method, path, scope] of [
    ['GET', '/v1/sets', 'evaluate'],
    ['GET', '/v1/evaluations', 'evaluate'],
    ['PUT', '/v1/models/mine', 'admin'],
    ['GET', '/v1/keys', 'admin'],
  ]) {
    const { status, body } = await send(method, path, method === 'PUT' ? '{}' : undefined, bearer(key));
    expect(status).toBe(403);
    expect(body.error).toMatchObject({ type: 'permission_error', code: 'insufficient_scope' });
    expect(body.error.message).toContain(`the scope ${scope}`);
  }
});

test('a key that was revoked or has expired is like one that never was', async () => {
  const { id, key } = await create({ name: 'short', scopes: ['evaluate'], owner: 'ended' });
  const never = await get('/v1/sets', 'sm_never');
  expect((await get('/v1/sets', key)).status).toBe(200);
  const revoked = await send('DELETE', `/v1/keys/${id}`);
  expect((revoked.body as unknown as KeyBody).revokedAt).not.toBeNull();
  expect((await get('/v1/sets', key)).body).toEqual(never.body);
  // Once more changes nothing.
  expect((await send('DELETE', `/v1/keys/${id}`)).body).toEqual(revoked.body);

  const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
  const timed = await create({ name: 'timed', scopes: ['evaluate'], owner: 'ended', expiresAt });
  expect((await get('/v1/sets', timed.key)).status).toBe(200);
  await env.CATALOGUE.prepare('UPDATE keys SET expires_at = ? WHERE id = ?')
    .bind(new Date(Date.now() - 1).toISOString(), timed.id)
    .run();
  expect((await get('/v1/sets', timed.key)).body).toEqual(never.body);
});

test('the last use is noted', async () => {
  const { id, key } = await create({ name: 'used', scopes: ['embed'], owner: 'used' });
  await get('/v1/models', key);
  await expect
    .poll(async () => ((await get(`/v1/keys/${id}`)).body as unknown as KeyBody).lastUsedAt, {
      timeout: 10_000,
    })
    .not.toBeNull();
});

test('an owner sees to its own keys and to no others', async () => {
  const [a, b] = [
    await create({ name: 'a', scopes: ['embed', 'admin'], owner: 'keys-a' }),
    await create({ name: 'b', scopes: ['admin'], owner: 'keys-b' }),
  ];
  const own = await create({ name: 'second', scopes: ['embed'] }, a.key);
  expect((await get('/v1/keys', a.key)).body.data.map(({ id }) => id)).toEqual([a.id, own.id]);
  expect((await get('/v1/keys?owner=keys-b')).body.data.map(({ id }) => id)).toEqual([b.id]);
  for (const method of ['GET', 'DELETE']) {
    const theirs = await send(method, `/v1/keys/${b.id}`, undefined, bearer(a.key));
    const nobodys = await send(method, `/v1/keys/${crypto.randomUUID()}`, undefined, bearer(a.key));
    expect([theirs.status, nobodys.status]).toEqual([404, 404]);
    expect(theirs.body.error.code).toBe('key_not_found');
  }
  expect((await get('/v1/keys', b.key)).status).toBe(200);
  const foreign = await sendJson(
    'POST',
    '/v1/keys',
    { name: 'x', scopes: ['embed'], owner: 'keys-b' },
    bearer(a.key),
  );
  expect([foreign.status, foreign.body.error.code]).toEqual([403, 'not_your_owner']);
});

test('a key gives no scope that it does not have', async () => {
  const { key } = await create({ name: 'sees to keys', scopes: ['admin'], owner: 'narrow' });
  const { status, body } = await sendJson('POST', '/v1/keys', { name: 'x', scopes: ['embed'] }, bearer(key));
  expect(status).toBe(403);
  expect(body.error.message).toContain('the scope embed');
});

test.each([
  [{ scopes: ['embed'] }, 'name'],
  [{ name: '', scopes: ['embed'] }, 'name'],
  [{ name: 'x', scopes: [] }, 'scopes'],
  [{ name: 'x', scopes: ['root'] }, 'scopes[0]'],
  [{ name: 'x', scopes: ['embed'], owner: 'A/B' }, 'owner'],
  [{ name: 'x', scopes: ['embed'], expiresAt: '2020-01-01T00:00:00Z' }, 'expiresAt'],
  [{ name: 'x', scopes: ['embed'], expiresAt: 'tomorrow' }, 'expiresAt'],
  [{ name: 'x', scopes: ['embed'], hash: 'mine' }, 'hash'],
])('%j is refused', async (request, param) => {
  const { status, body } = await sendJson('POST', '/v1/keys', request);
  expect([status, body.error.param]).toEqual([400, param]);
});

test('what two owners store under one name, and with one content, is two', async () => {
  const keys = await Promise.all(
    ['same-a', 'same-b'].map((owner) => create({ name: owner, scopes: ['evaluate'], owner })),
  );
  const set = {
    features: [
      [1, 0],
      [0, 1],
    ],
    identities: [1, 2],
    cameras: [1, 2],
  };
  for (const { key } of keys) {
    const { status } = await sendJson('PUT', '/v1/sets/shared-name', set, bearer(key));
    expect(status).toBe(201);
  }
  expect((await send('DELETE', '/v1/sets/shared-name', undefined, bearer(keys[0].key))).status).toBe(200);
  expect((await get('/v1/sets/shared-name', keys[0].key)).status).toBe(404);
  const search = await sendJson(
    'POST',
    '/v1/sets/shared-name/search',
    { embeddings: [[1, 0]] },
    bearer(keys[1].key),
  );
  expect(search.status).toBe(200);
  const left = (await env.STORE.list({ prefix: 'owners/same-' })).objects.map(({ key }) => key);
  expect(left.length).toBeGreaterThan(0);
  expect(left.every((key) => key.startsWith('owners/same-b/contents/'))).toBe(true);
});
