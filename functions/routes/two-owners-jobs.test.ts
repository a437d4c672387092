import { type EvaluationRule, evaluate } from '@softmargin/shared/metrics/evaluate.ts';
import { createRandom } from '@softmargin/shared/random.ts';
import { serialiseNpz } from '@softmargin/shared/sets/npz.ts';
import { zipSync } from 'fflate';
import { beforeAll, expect, inject, test } from 'vitest';
import { quantised, randomSet } from '../../test/slow-evaluation.ts';
import { rankingKernel } from '../evaluation/kernel.ts';
import { type Answer, fromBase64, keyOf, send, sendJson } from '../test/client.ts';

/** Two owners with sets of the same names, whose jobs run at the same time under the same idempotency keys. */
const JOBS = 8;
const rule: EvaluationRule = { protocol: 'market1501', distance: 'euclidean' };
const digits = inject('digits').map((files) => files.map(fromBase64));

type Owner = { readonly Authorization: string };

function setsOf(seed: number) {
  const random = createRandom(seed);
  return { query: randomSet(random, 300, 16, quantised), gallery: randomSet(random, 700, 16, quantised) };
}

/** Digits that only one of the owners has, under paths that both have. */
function picturesOf(first: number): Uint8Array<ArrayBuffer> {
  const files = Object.fromEntries(
    [0, 1, 2, 3, 4].flatMap((identity) =>
      digits[first + identity]
        .slice(0, 12)
        .map((png, i) => [`000${identity}_c${(i % 3) + 1}s1_${String(i).padStart(6, '0')}_00.png`, png]),
    ),
  );
  return zipSync(files) as Uint8Array<ArrayBuffer>;
}

const own = { first: setsOf(1), second: setsOf(2) };
let owners: Record<'first' | 'second' | 'alone', Owner>;

async function stored(owner: Owner, name: string, body: Uint8Array<ArrayBuffer>, query = ''): Promise<void> {
  const answer = await send('PUT', `/v1/sets/${name}${query}`, body, owner);
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300);
}

async function started(owner: Owner, request: object, key: string): Promise<string> {
  const answer = await sendJson('POST', '/v1/evaluations', request, { ...owner, 'Idempotency-Key': key });
  expect(answer.status, JSON.stringify(answer.body)).toBe(202);
  return answer.body.id;
}

async function atEnd(owner: Owner, id: string): Promise<Answer['body']> {
  for (;;) {
    const { body } = await send('GET', `/v1/evaluations/${id}`, undefined, owner);
    if (body.state !== 'queued' && body.state !== 'running') return body;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

beforeAll(async () => {
  const [first, second, alone] = await Promise.all(
    ['first', 'second', 'alone'].map((owner) => keyOf(owner, 'evaluate')),
  );
  owners = { first, second, alone };
  for (const name of ['first', 'second'] as const) {
    const { query, gallery } = own[name];
    await stored(owners[name], 'query', serialiseNpz(query) as Uint8Array<ArrayBuffer>);
    await stored(owners[name], 'gallery', serialiseNpz(gallery) as Uint8Array<ArrayBuffer>);
    await stored(owners[name], 'pictures', picturesOf(name === 'first' ? 0 : 5), '?names=market1501');
  }
});

test('each gets the numbers of its own sets, and neither sees a job of the other', {
  timeout: 180_000,
}, async () => {
  const request = { query: 'query', gallery: 'gallery', ...rule };
  const ids = { first: [] as string[], second: [] as string[] };
  await Promise.all(
    Array.from({ length: JOBS }, async (_, job) => {
      for (const name of ['first', 'second'] as const) {
        ids[name].push(await started(owners[name], request, `job ${job}`));
      }
    }),
  );
  expect(new Set([...ids.first, ...ids.second]).size).toBe(2 * JOBS);
  for (const [name, other] of [
    ['first', 'second'],
    ['second', 'first'],
  ] as const) {
    const expected = await evaluate(rankingKernel, rule, own[name].query, own[name].gallery);
    for (const id of ids[name]) {
      const { state, result } = await atEnd(owners[name], id);
      expect([state, result]).toEqual(['succeeded', expected]);
    }
    const { body } = await send('GET', '/v1/evaluations?limit=100', undefined, owners[name]);
    expect(body.data.map(({ id }) => id).toSorted()).toEqual(ids[name].toSorted());
    const [theirs] = ids[other];
    for (const [method, path] of [
      ['GET', theirs],
      ['DELETE', theirs],
      ['POST', `${theirs}/cancel`],
      ['GET', `${theirs}/queries.csv`],
      ['GET', `${theirs}/cmc.svg`],
      ['GET', `${theirs}/events`],
      ['GET', `${ids[name][0]}/comparison/${theirs}`],
    ]) {
      const answer = await send(method, `/v1/evaluations/${path}`, undefined, owners[name]);
      expect([answer.status, answer.body.error.code], path).toEqual([404, 'evaluation_not_found']);
    }
  }
  expect((await atEnd(owners.first, ids.first[0])).result).not.toEqual(
    (await atEnd(owners.second, ids.second[0])).result,
  );
});

test('of pictures too, whose embeddings are each owner’s own', { timeout: 180_000 }, async () => {
  const request = {
    query: 'pictures',
    gallery: 'pictures',
    model: 'mnist-wide',
    protocol: 'all',
    distance: 'cosine',
  };
  const [first, second] = await Promise.all(
    [owners.first, owners.second].map(async (owner) =>
      atEnd(owner, await started(owner, request, 'pictures')),
    ),
  );
  expect([first.state, second.state]).toEqual(['succeeded', 'succeeded']);
  // What somebody finds who has the pictures of the second owner, and nobody beside.
  await stored(owners.alone, 'pictures', picturesOf(5), '?names=market1501');
  const alone = await atEnd(owners.alone, await started(owners.alone, request, 'pictures'));
  expect(second.result).toEqual(alone.result);
  expect(first.result).not.toEqual(alone.result);
});
