import { env } from 'cloudflare:workers';
import type { BootstrapOptions } from '@softmargin/shared/metrics/bootstrap.ts';
import { evaluateSets, type SetRule } from '@softmargin/shared/metrics/evaluate-sets.ts';
import { queryRecords } from '@softmargin/shared/metrics/per-query.ts';
import { queryEntry } from '@softmargin/shared/metrics/query-entry.ts';
import { reRank } from '@softmargin/shared/metrics/re-ranking.ts';
import { reRankingDefaults } from '@softmargin/shared/metrics/re-ranking-options.ts';
import { rankingReport } from '@softmargin/shared/metrics/report.ts';
import { verifySets } from '@softmargin/shared/metrics/verify-sets.ts';
import { createRandom } from '@softmargin/shared/random.ts';
import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import { describe, expect, test } from 'vitest';
import type * as z from 'zod';
import { quantised, randomSet } from '../../test/slow-evaluation.ts';
import { send } from '../test/client.ts';
import { withoutQueue } from '../test/evaluations.ts';
import { findEvaluation } from './catalogue.ts';
import { rankingKernel } from './kernel.ts';
import type { ruleSchema } from './order.ts';

/** Work of a shard, as a variable, that makes many shards of small sets. */
const SHARD_WORK = '150000';
/** The same where each pair costs more, as a rule is asked of it. */
const RULE_SHARD_WORK = '1500000';

const random = createRandom(51);
const normal = (r: typeof random) => r.normal();
/** Ties by way of small whole numbers, and none. */
const sets = [quantised, normal].map((feature) => ({
  queries: inTracks(randomSet(random, 45, 4, feature)),
  gallery: inTracks(randomSet(random, 130, 4, feature)),
}));

/** A set whose groups are tracks: one for each identity and camera. */
function inTracks(set: EmbeddingSet): EmbeddingSet {
  return { ...set, groups: set.identities.map((identity, i) => 100 * identity + set.cameras[i]) };
}

/** Runs an evaluation to its end, every shard twice, and those of a stage in reverse. */
async function run(
  { queries, gallery }: (typeof sets)[number],
  rule: z.input<typeof ruleSchema>,
  work?: string,
  readBytes?: string,
) {
  const { id, sent, deliver } = await withoutQueue(queries, gallery, {
    rule,
    variables: {
      ...(work !== undefined && { SHARD_WORK: work }),
      ...(readBytes !== undefined && { SHARD_READ_BYTES: readBytes }),
    },
  });
  let shards = 0;
  while (sent.length > 0) {
    const round = [...new Set(sent.splice(0).map(({ shard }) => shard))].reverse();
    shards += round.length;
    await deliver(...round, ...round);
  }
  const row = await findEvaluation(env, id);
  expect(row?.error).toBeNull();
  expect(row?.state).toBe('succeeded');
  return { id, shards, result: JSON.parse(row?.result as string) };
}

const draws = { repeats: 7, seed: 3 };
const bootstrap: BootstrapOptions = { resamples: 1000, seed: 5, confidence: 0.9 };

describe.each([
  ['none'],
  ['market1501'],
  ['veri776'],
  ['cuhk03-np'],
  ['veri776-track'],
  ['cuhk03-classic'],
  [
    {
      drop: [{ sameGroup: true }, { galleryCamera: 2 }, { sameCamera: true, sameIdentity: false }],
      distractors: [0],
    },
  ],
] as [SetRule['protocol']][])('%o', (protocol) => {
  test.each([
    [sets[0], 'cosine'],
    [sets[1], protocol === 'none' ? 'squared-euclidean' : 'euclidean'],
  ] as const)(
    'set %#: the job finds what the command line finds, to the last bit',
    { timeout: 120_000 },
    async (each, distance) => {
      const { queries, gallery } = each;
      const rule: SetRule = { protocol, distance, draws };
      const ranked = await evaluateSets(rankingKernel, rule, queries, gallery, { topK: 6 });
      const options = { ...reRankingDefaults, k1: 8, k2: 3 };
      const distances = await reRank(
        rankingKernel,
        queries,
        gallery,
        distance,
        options,
        Number.POSITIVE_INFINITY,
      );
      const reranked = await evaluateSets(rankingKernel, rule, queries, gallery, { distances });
      const expected = {
        ...rankingReport(ranked, rule, bootstrap),
        verification: await verifySets(rankingKernel, rule, queries, gallery),
        reranked: { ...options, ...rankingReport(reranked, rule, bootstrap) },
      };
      const asked = { ...rule, bootstrap, verification: true, rerank: options, topK: 6 };
      const few = await run(each, asked);
      const many = await run(each, asked, typeof protocol === 'string' ? SHARD_WORK : RULE_SHARD_WORK);
      expect(many.shards).toBeGreaterThan(2 * few.shards);
      expect(few.result).toStrictEqual(JSON.parse(JSON.stringify(expected)));
      expect(many.result).toStrictEqual(few.result);

      const entries = ranked.scores.flatMap((part, i) =>
        queryRecords([part], queries).map((record) => queryEntry(record, ranked.nearest[i])),
      );
      for (const { id } of [few, many]) {
        const pages = [];
        for (let after: number | null = -1; after !== null; ) {
          const search: string = after < 0 ? 'limit=20' : `limit=20&after=${after}`;
          const { body } = (await send('GET', `/v1/evaluations/${id}/queries?${search}`)) as unknown as {
            body: { data: object[]; hasMore: boolean; lastQuery: number };
          };
          pages.push(...body.data);
          after = body.hasMore ? body.lastQuery : null;
        }
        expect(pages).toStrictEqual(JSON.parse(JSON.stringify(entries)));
      }
    },
  );
});

test('all: a set against itself', async () => {
  const { queries } = sets[0];
  const rule: SetRule = { protocol: 'all', distance: 'cosine', draws };
  const expected = await evaluateSets(rankingKernel, rule, queries, queries);
  const { result } = await run({ queries, gallery: queries }, rule, SHARD_WORK);
  expect(result).toStrictEqual(JSON.parse(JSON.stringify(expected.result)));
});

describe('a gallery that is cut into ranges', () => {
  // Blocks of 64 items: 200 are three and a rest.
  const [ties, none] = [quantised, normal].map((feature) => ({
    queries: randomSet(random, 30, 8192, feature),
    gallery: randomSet(random, 200, 8192, feature),
  }));
  test.each([
    ['none', 'cosine', none],
    ['market1501', 'cosine', ties],
    ['market1501', 'euclidean', none],
    [
      { drop: [{ galleryCamera: 2 }, { sameCamera: true, sameIdentity: false }], distractors: [0] },
      'cosine',
      ties,
    ],
  ] as [SetRule['protocol'], SetRule['distance'], (typeof sets)[number]][])(
    '%o, %s',
    async (protocol, distance, each) => {
      const rule: SetRule = { protocol, distance, draws };
      const whole = await run(each, rule);
      // A block in each range, and two.
      const blocks = await run(each, rule, String(64 * 8192 * 7), '1');
      const pairs = await run(each, rule, undefined, String(128 * 8192 * 4));
      expect(whole.shards).toBe(1);
      expect(blocks.shards).toBe(4 + 4 + 1);
      expect(pairs.shards).toBe(2 + 2 + 1);
      expect(blocks.result).toStrictEqual(whole.result);
      expect(pairs.result).toStrictEqual(whole.result);
      const { result } = await evaluateSets(rankingKernel, rule, each.queries, each.gallery);
      expect(whole.result).toStrictEqual(JSON.parse(JSON.stringify(result)));
    },
  );
});
