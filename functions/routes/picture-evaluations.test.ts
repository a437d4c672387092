import { env } from 'cloudflare:workers';
import { zipSync } from 'fflate';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { evaluationSchema } from '../openapi/answers.ts';
import { contentKey } from '../sets/content-store.ts';
import { type Files, tarOf } from '../test/archives.ts';
import { fetchWorker, fromBase64, send, sendJson, withoutPixels } from '../test/client.ts';
import { evaluationAtEnd, startEvaluation, uploadSet } from '../test/sets.ts';

const MODEL = 'mnist-wide';
const RULE = { protocol: 'market1501', distance: 'cosine' } as const;
const digits = inject('digits').map((files) => files.map(fromBase64));

/** Real digits: the digit is the identity, the camera goes round. Junk is as Market-1501 has it. */
function filesOf(first: number, last: number): Files {
  return Object.fromEntries(
    digits.flatMap((files, digit) =>
      files.slice(first, last).map((png, i) => {
        const name = `${String(digit + 1).padStart(4, '0')}_c${(i % 3) + 1}s1_${String(first + i).padStart(6, '0')}_00.png`;
        return [name, png];
      }),
    ),
  );
}

const broken = {
  '0001_c2s1_000451_03.png': digits[0][0].subarray(0, 60),
  '0003_c1s1_000451_03.jpg': new Uint8Array(20),
};
const queries = filesOf(0, 4);
const gallery: Files = { ...filesOf(4, 10), ...broken, ...filesOf(10, 20) };

/** The pictures that can be read, embedded one by one over HTTP, as a set of embeddings. */
async function embedded(files: Files) {
  const kept = Object.entries(files).filter(([name]) => !Object.hasOwn(broken, name));
  const rows: number[][] = [];
  for (const [, png] of kept) {
    const { body } = await send('POST', '/v1/embeddings', png as Uint8Array<ArrayBuffer>, {
      'Content-Type': 'image/png',
    });
    rows.push(body.data[0].embedding);
  }
  const numbers = (pattern: RegExp) =>
    Int32Array.from(kept, ([name]) => Number((pattern.exec(name) as RegExpExecArray)[1]));
  return {
    count: rows.length,
    dimension: rows[0].length,
    features: Float32Array.from(rows.flat()),
    identities: numbers(/^(\d+)_/),
    cameras: numbers(/_c(\d)/),
  };
}

async function uploadPictures(name: string, bytes: Uint8Array): Promise<void> {
  const { status, body } = await send(
    'PUT',
    `/v1/sets/${name}?names=market1501`,
    bytes as Uint8Array<ArrayBuffer>,
  );
  expect(status, JSON.stringify(body)).toBeLessThan(300);
}

beforeAll(async () => {
  await uploadPictures('query-pictures', tarOf(queries));
  await uploadPictures('gallery-pictures', zipSync(gallery as Record<string, Uint8Array>));
  await uploadSet('query-rows', await embedded(queries));
  await uploadSet('gallery-rows', await embedded(gallery));
}, 120_000);

function count(table: string): Promise<number | null> {
  return env.CATALOGUE.prepare(`SELECT COUNT(*) AS n FROM ${table}`).first<number>('n');
}

test('pictures are embedded and ranked as their embeddings are, and broken ones are reported', async () => {
  const rows = await evaluationAtEnd(
    await startEvaluation({ query: 'query-rows', gallery: 'gallery-rows', ...RULE }),
  );
  const path = await startEvaluation({
    ...{ query: 'query-pictures', gallery: 'gallery-pictures', model: MODEL },
    ...RULE,
  });
  const pictures = await evaluationAtEnd(path);
  expect(pictures.error).toBeUndefined();
  const { model, pictures: found, ...result } = pictures.result as unknown as Record<string, unknown>;
  expect(evaluationSchema.safeParse(pictures).error).toBeUndefined();
  expect(result).toEqual(rows.result);
  expect((rows.result.mAP as number) > 0.5).toBe(true);

  const { sha256 } = (await send('GET', `/v1/models/${MODEL}`)).body;
  expect(model).toEqual({ name: MODEL, sha256 });
  expect(pictures).toMatchObject({ model, query: { count: 40 }, gallery: { count: 162 } });
  expect(found).toEqual({
    query: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/), embedded: 40, failed: 0 },
    gallery: {
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      embedded: 160,
      failed: 2,
      errors: [
        {
          index: 60,
          path: '0001_c2s1_000451_03.png',
          code: 'picture_damaged',
          message: expect.stringContaining('truncated or damaged'),
        },
        {
          index: 61,
          path: '0003_c1s1_000451_03.jpg',
          code: 'picture_unsupported',
          message: expect.stringContaining('no known format'),
        },
      ],
    },
  });
  const table = await (await fetchText(`${path}/queries.csv`)).trimEnd().split('\n');
  expect(table).toHaveLength(1 + 40);
}, 120_000);

async function fetchText(path: string): Promise<string> {
  return (await fetchWorker(path)).text();
}

test('a second evaluation takes the embeddings that are there', async () => {
  const request = { query: 'query-pictures', gallery: 'gallery-pictures', model: MODEL, ...RULE };
  const first = await evaluationAtEnd(await startEvaluation(request));
  const plan = (await sendJson('POST', '/v1/evaluations', { ...request, dryRun: true })).body as unknown as {
    plan: { ranking: boolean; stages: { stage: string }[] };
  };
  expect(plan.plan.ranking).toBe(true);
  expect(plan.plan.stages.map(({ stage }) => stage)).toEqual(['ranking']);
  const second = await evaluationAtEnd(await startEvaluation(request));
  expect(second.result).toEqual(first.result);
  // Only the shards of the ranking.
  expect(second.progress.shards.total).toBeLessThan(5);
});

test('a set against itself is embedded once; pictures may be ranked against embeddings', async () => {
  await uploadPictures('self', tarOf(filesOf(0, 2)));
  const request = { model: MODEL, distance: 'cosine' };
  const plan = await sendJson('POST', '/v1/evaluations', {
    ...{ query: 'self', gallery: 'self', protocol: 'all', ...request },
    dryRun: true,
  });
  expect(plan.body).toMatchObject({
    plan: {
      ranking: false,
      shards: 2,
      stages: [
        { stage: 'embedding', shards: 1, itemsPerShard: { most: 20 } },
        { stage: 'collection', shards: 1 },
      ],
    },
  });
  const self = await startEvaluation({ query: 'self', gallery: 'self', protocol: 'all', ...request });
  expect((await evaluationAtEnd(self)).result.validQueries).toBe(20);
  const mixed = await startEvaluation({
    ...{ query: 'query-pictures', gallery: 'gallery-rows', protocol: 'none', ...request },
  });
  const { result } = await evaluationAtEnd(mixed);
  expect(result.validQueries).toBe(40);
});

test('with the pictures go their embeddings, and nothing else', async () => {
  const before = (await env.STORE.list()).objects.map(({ key }) => key);
  await uploadPictures('short-lived', tarOf(filesOf(7, 9)));
  const request = { query: 'short-lived', gallery: 'short-lived', protocol: 'all', distance: 'cosine' };
  const path = await startEvaluation({ ...request, model: MODEL });
  const { result } = await evaluationAtEnd(path);
  const made = (result as unknown as { pictures: { query: { sha256: string } } }).pictures.query.sha256;
  expect(await env.STORE.head(contentKey(made))).not.toBeNull();
  await send('DELETE', '/v1/sets/short-lived');
  expect((await env.STORE.list()).objects.map(({ key }) => key)).toEqual(before);
  expect(await count('removals')).toBe(0);
});

describe('what is refused', () => {
  test.each([
    [
      { query: 'query-pictures', gallery: 'gallery-pictures' },
      422,
      'model_required',
      /"query-pictures" is of pictures/,
    ],
    [
      { query: 'query-rows', gallery: 'gallery-pictures' },
      422,
      'model_required',
      /"gallery-pictures" is of pictures/,
    ],
    [
      { query: 'query-rows', gallery: 'gallery-rows', model: MODEL },
      422,
      'model_not_needed',
      /nothing that a model/,
    ],
    [
      { query: 'query-pictures', gallery: 'gallery-rows', model: 'no-such' },
      404,
      'model_not_found',
      /"no-such"/,
    ],
  ])('%j', async (request, status, code, message) => {
    const answer = await sendJson('POST', '/v1/evaluations', { ...request, ...RULE });
    expect([answer.status, answer.body.error.param, answer.body.error.code]).toEqual([status, 'model', code]);
    expect(answer.body.error.message).toMatch(message);
  });

  test('embeddings of another dimension than the model has', async () => {
    const set = { features: [[1, 2]], identities: [1], cameras: [1] };
    await sendJson('PUT', '/v1/sets/two', set);
    const request = { query: 'query-pictures', gallery: 'two', model: MODEL, ...RULE };
    const answer = await sendJson('POST', '/v1/evaluations', request);
    expect([answer.status, answer.body.error.code]).toEqual([422, 'dimension_mismatch']);
  });

  test('pictures of which none can be embedded: the evaluation fails and says which', async () => {
    // The headers are whole and so are all checksums; what is wrong with the pixels shows when they are decoded.
    await uploadPictures('hopeless', tarOf({ '0001_c1s1_000000_00.png': withoutPixels(digits[0][0]) }));
    const request = { query: 'hopeless', gallery: 'hopeless', protocol: 'all', distance: 'cosine' };
    const { state, error, result } = await evaluationAtEnd(
      await startEvaluation({ ...request, model: MODEL }),
    );
    expect([state, error.code, result]).toEqual(['failed', 'pictures_unusable', undefined]);
    expect(error.message).toMatch(
      /^None of the 1 pictures could be embedded\. The first, 0001_c1s1_000000_00\.png: /,
    );
  });
});
