import { describe, expect, test } from 'vitest';
import { kernel } from '../../test/kernel.ts';
import { quantised, randomSet, slowEvaluate, slowList } from '../../test/slow-evaluation.ts';
import { createRandom } from '../random.ts';
import { blocksOf } from './blocks.ts';
import { bindSets, evaluateSets, type SetRule } from './evaluate-sets.ts';
import { DistanceKernel } from './kernel/distance-kernel.ts';
import { gallerySource, readDistances } from './read-distances.ts';
import { addHits, decodeHits, drawSingleShots, encodeHits, singleShotCmc } from './single-gallery-shot.ts';

const sameCamera = { drop: [{ sameIdentity: true, sameCamera: true }], distractors: [] };
const rule = {
  protocol: 'cuhk03-classic',
  distance: 'euclidean',
  draws: { repeats: 10, seed: 3 },
} as const satisfies SetRule;

function randomSets(seed: number) {
  const random = createRandom(seed);
  return { queries: randomSet(random, 60, 3, quantised), gallery: randomSet(random, 100, 3, quantised) };
}

describe('cuhk03-classic', () => {
  test.each([1, 2, 3])('draws and counts as the slow way does, set %i', async (seed) => {
    const { queries, gallery } = randomSets(seed);
    const ranks: number[] = [];
    let shortest = 50;
    for (let q = 0; q < queries.count; q++) {
      const list = slowList({ protocol: sameCamera, distance: 'euclidean' }, queries, q, gallery);
      const identity = queries.identities[q];
      if (!list.some(({ g }) => gallery.identities[g] === identity)) continue;
      const identities = [...new Set(list.map(({ g }) => gallery.identities[g]))];
      shortest = Math.min(shortest, identities.length);
      const random = createRandom(rule.draws.seed, q);
      for (let repeat = 0; repeat < rule.draws.repeats; repeat++) {
        const drawn = identities.map((each) => {
          const items = list.filter(({ g }) => gallery.identities[g] === each);
          return items[random.integer(items.length)];
        });
        drawn.sort((a, b) => a.distance - b.distance || a.g - b.g);
        ranks.push(1 + drawn.findIndex(({ g }) => gallery.identities[g] === identity));
      }
    }
    const { result } = await evaluateSets(kernel, rule, queries, gallery);
    expect(Object.keys(result.cmc)).toEqual(Array.from({ length: shortest }, (_, i) => String(i + 1)));
    for (const [rank, share] of Object.entries(result.cmc)) {
      expect(share).toBe(ranks.filter((r) => r <= Number(rank)).length / ranks.length);
    }
    // All but the curve is over whole lists.
    const whole = slowEvaluate({ protocol: sameCamera, distance: 'euclidean' }, queries, gallery);
    expect(result.mAP).toBeCloseTo(whole.mAP as number, 12);
    expect(result.mINP).toBeCloseTo(whole.mINP as number, 12);
    expect(result.validQueries).toBe(whole.validQueries);
  });

  test('where identities have one item each, every draw is the whole gallery', async () => {
    const { queries, gallery } = randomSets(4);
    const identities = Int32Array.from({ length: 100 }, (_, i) => i);
    const set = { ...gallery, identities };
    const { result } = await evaluateSets(kernel, rule, queries, set);
    const whole = slowEvaluate({ protocol: sameCamera, distance: 'euclidean' }, queries, set);
    expect(result.cmc).toEqual(whole.cmc);
  });

  test('comes close to the expectation over all galleries as draws grow', async () => {
    // One query, its two matches nearest and furthest, one other between: the match is first half the time.
    const set = (identities: number[], features: number[]) => ({
      count: identities.length,
      dimension: 1,
      features: Float32Array.from(features),
      identities: Int32Array.from(identities),
      cameras: new Int32Array(identities.length),
    });
    const gallery = { ...set([1, 2, 1], [1, 2, 3]), cameras: Int32Array.of(1, 1, 1) };
    const { result } = await evaluateSets(
      kernel,
      { ...rule, draws: { repeats: 10_000, seed: 1 } },
      set([1], [0]),
      gallery,
    );
    expect(result.cmc[1]).toBeGreaterThan(0.48);
    expect(result.cmc[1]).toBeLessThan(0.52);
    expect(result.cmc[2]).toBe(1);
  });

  test('the seed decides; how queries are cut does not', async () => {
    const { queries, gallery } = randomSets(6);
    const { result } = await evaluateSets(kernel, rule, queries, gallery);
    const other = await evaluateSets(kernel, { ...rule, draws: { repeats: 10, seed: 4 } }, queries, gallery);
    expect(other.result.cmc).not.toEqual(result.cmc);
    const { protocol } = bindSets(rule, queries, gallery);
    for (const size of [1, 7, 33]) {
      const parts = [];
      for (const block of blocksOf(queries, size)) {
        const reader = readDistances(
          new DistanceKernel(kernel),
          rule.distance,
          block,
          gallerySource(gallery),
        );
        const found = await drawSingleShots(rule.draws, protocol, block, gallery.identities, reader);
        parts.unshift(decodeHits(encodeHits(found)));
      }
      expect(singleShotCmc(parts.reduce(addHits), rule.draws)).toStrictEqual(result.cmc);
    }
  });

  test('without a valid query there is no curve', async () => {
    const { queries, gallery } = randomSets(7);
    const identities = new Int32Array(100).fill(99);
    const { result } = await evaluateSets(kernel, rule, queries, { ...gallery, identities });
    expect(result).toMatchObject({ mAP: null, cmc: {}, validQueries: 0, skippedQueries: 60 });
  });
});

test('hits are what was encoded, or nothing', () => {
  const found = { queries: 0, shortest: Number.POSITIVE_INFINITY, hits: new Float64Array(51) };
  expect(decodeHits(encodeHits(found))).toStrictEqual(found);
  expect(() => decodeHits(new Uint8Array(8))).toThrow(RangeError);
});
