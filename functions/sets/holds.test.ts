import { env } from 'cloudflare:workers';
import { createRandom } from '@softmargin/shared/random.ts';
import { beforeEach, expect, test } from 'vitest';
import { randomSet } from '../../test/slow-evaluation.ts';
import { archiveOf, rowsOf } from '../test/archives.ts';
import { owned, send } from '../test/client.ts';
import { uploadSet } from '../test/sets.ts';
import { SetContent } from './content.ts';
import { contentKey } from './content-store.ts';
import { closeHolder, HeldStore, openHolder, sweep } from './holds.ts';

// Three blocks of 64 rows.
const set = randomSet(createRandom(1), 192, 8192, (random) => random.normal());

async function stored(): Promise<string[]> {
  return (await env.STORE.list()).objects.map(({ key }) => key).sort();
}

async function objectsOf(sha256: string): Promise<string[]> {
  const { index } = await SetContent.open(env.STORE, sha256);
  return [...index.blocks, index.labels, sha256].map(contentKey).sort();
}

async function count(table: string): Promise<number | null> {
  return env.CATALOGUE.prepare(`SELECT COUNT(*) AS n FROM ${table}`).first<number>('n');
}

beforeEach(async () => {
  for (const table of ['sets', 'evaluations', 'holders', 'holds', 'removals']) {
    await env.CATALOGUE.exec(`DELETE FROM ${table}`);
  }
  await env.STORE.delete(await stored());
});

test('a set that is deleted leaves nothing', async () => {
  const { body } = await uploadSet('a', set);
  expect(await stored()).toEqual(await objectsOf(body.sha256));
  expect((await send('DELETE', '/v1/sets/a')).status).toBe(200);
  expect(await stored()).toEqual([]);
  expect(await Promise.all(['holders', 'holds', 'removals'].map(count))).toEqual([0, 0, 0]);
  expect((await send('DELETE', '/v1/sets/a')).status).toBe(404);
});

test('blocks that another content uses stay', async () => {
  const other = rowsOf(set, 0, 130);
  await uploadSet('a', set);
  const b = (await uploadSet('b', other)).body.sha256;
  // Two blocks of three are the same; the third, the labels and the index are each one's own.
  expect(await stored()).toHaveLength(2 + 3 + 3);
  const kept = await objectsOf(b);
  await send('DELETE', '/v1/sets/a');
  expect(await stored()).toEqual(kept);
  const content = await SetContent.open(env.STORE, b);
  expect((await content.rows(129, 1)).features).toEqual(other.features.slice(129 * 8192));
});

test('a content that two names have goes with the last', async () => {
  await uploadSet('a', set);
  const { sha256 } = (await uploadSet('b', set)).body;
  await send('DELETE', '/v1/sets/a');
  expect(await stored()).toEqual(await objectsOf(sha256));
  await uploadSet('b', rowsOf(set, 0, 1));
  expect(await stored()).toHaveLength(3);
});

test('an unfinished evaluation keeps the contents it names, a finished one does not', async () => {
  const { sha256 } = (await uploadSet('a', set)).body;
  const kept = await stored();
  await env.CATALOGUE.prepare(
    `INSERT INTO evaluations (id, state, query_set, query_sha256, query_count, gallery_set, gallery_sha256,
       gallery_count, dimension, protocol, distance, version, created_at)
       VALUES ('e', 'queued', 'q', 'other', 1, 'a', ?, 192, 8, 'none', 'cosine', '0.1.0', '')`,
  )
    .bind(sha256)
    .run();
  await send('DELETE', '/v1/sets/a');
  expect(await stored()).toEqual(kept);
  await env.CATALOGUE.exec("UPDATE evaluations SET state = 'succeeded', finished_at = 'now'");
  await sweep(owned);
  expect(await stored()).toEqual([]);
});

test('what an upload that broke off has stored goes when it expires', async () => {
  await openHolder(env, 'broken', Date.now() + 60_000);
  await new HeldStore(owned, 'broken').put('contents/x', new Uint8Array(3));
  await sweep(owned);
  expect(await stored()).toEqual(['contents/x']);
  await sweep(owned, Date.now() + 60_001);
  expect(await stored()).toEqual([]);
});

test('nothing is stored for a holder that has ended', async () => {
  await openHolder(env, 'ended', Date.now() + 60_000);
  await closeHolder(env, 'ended');
  await expect(new HeldStore(owned, 'ended').put('contents/x', new Uint8Array(3))).rejects.toThrow(/expired/);
  expect(await stored()).toEqual([]);
  expect(await count('holds')).toBe(0);
});

test('who stores an object that is being removed waits until it is gone', async () => {
  await openHolder(env, 'late', Date.now() + 60_000);
  await env.CATALOGUE.prepare("INSERT INTO removals VALUES ('contents/x', ?)").bind(Date.now()).run();
  let done = false;
  const putting = new HeldStore(owned, 'late').put('contents/x', new Uint8Array(3)).then(() => {
    done = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(done).toBe(false);
  // Meanwhile, nobody else takes the removal over, and a new sweep does not begin it again.
  await sweep(owned);
  expect(await count('removals')).toBe(1);
  await env.CATALOGUE.exec('DELETE FROM removals');
  await putting;
  expect(await stored()).toEqual(['contents/x']);
});

test('a removal that broke off is gone on with', async () => {
  await env.STORE.put('contents/x', new Uint8Array(3));
  await env.CATALOGUE.prepare("INSERT INTO removals VALUES ('contents/x', ?)")
    .bind(Date.now() - 61_000)
    .run();
  await sweep(owned);
  expect(await stored()).toEqual([]);
  expect(await count('removals')).toBe(0);
});

test('where a set is from before there were holders, nothing is removed', async () => {
  await uploadSet('a', set);
  await uploadSet('b', rowsOf(set, 0, 1));
  const { sha256 } = (await send('GET', '/v1/sets/b')).body;
  await env.CATALOGUE.prepare('DELETE FROM holders WHERE id = ?').bind(sha256).run();
  const kept = await stored();
  await send('DELETE', '/v1/sets/a');
  expect(await stored()).toEqual(kept);
});

test('a refused body leaves nothing', async () => {
  const bytes = archiveOf(set, ['features', 'identities', 'cameras'], {}, 0);
  // Within the last block: the first two are stored by then.
  bytes[bytes.length - 5000] ^= 1;
  const { status, body } = await send('PUT', '/v1/sets/a', bytes);
  expect([status, body.error.param]).toEqual([400, 'features']);
  expect(body.error.message).toContain('features.npy: its CRC-32 is');
  expect(await stored()).toEqual([]);
  expect((await send('GET', '/v1/sets/a')).status).toBe(404);
});
