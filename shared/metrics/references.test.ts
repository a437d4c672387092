import { describe, expect, test } from 'vitest';
import { hasData, readDataText } from '../../test/data.ts';
import { GROCERY, loadGrocery, type Reference } from '../../test/grocery.ts';
import { kernel } from '../../test/kernel.ts';
import type { EmbeddingSet } from '../sets/embedding-set.ts';
import { distanceNames } from './distance.ts';
import { DistanceScorer } from './distance-scorer.ts';
import { evaluate } from './evaluate.ts';
import type { GalleryDistances } from './gallery-distances.ts';
import { bindProtocol, type Labels } from './protocols.ts';
import { rankQueries } from './rank.ts';
import { type EvaluationResult, summarise } from './summary.ts';

describe.skipIf(!hasData(...GROCERY))('Grocery Store by 256-d MobileNet features', () => {
  const implementations = ['torchreid', 'open-reid(sklearn AP)', 'fast-reid'];
  const TRAPEZOID = 'market-matlab compute_AP (trapezoid, transcribed)';

  describe.each(distanceNames)('%s', (distance) => {
    test('agrees with torchreid, open-reid, fast-reid and the original trapezoid', async () => {
      const { queries, gallery, expected } = loadGrocery();
      // Queries and gallery share no camera, so nothing is to be left out.
      const references = expected[distance === 'squared-euclidean' ? 'euclidean' : distance];
      const result = await evaluate(kernel, { protocol: 'none', distance }, queries, gallery);
      expect(result.validQueries).toBe(references.validQueries);
      expect(result.skippedQueries).toBe(0);
      for (const implementation of implementations) {
        // Float32 products: items at nearly one distance may change places.
        expectReference(result, references[implementation], 6);
      }
      expect(result.mAPTrapezoid).toBeCloseTo(references[TRAPEZOID].mAP, 6);
      expect(references['fast-reid'].mINP).toBeDefined();

      // The identities here begin with 0, which Market-1501 takes for distractors: one up, its protocol
      // is the same as none, to the last bit.
      const shifted = ({ identities, ...set }: EmbeddingSet) => ({
        ...set,
        identities: identities.map((identity) => identity + 1),
      });
      expect(
        await evaluate(kernel, { protocol: 'market1501', distance }, shifted(queries), shifted(gallery)),
      ).toStrictEqual(result);
    });
  });
});

const MARKET = ['labels.json', '_query.csv.gz', '_test.csv.gz'].map((end) =>
  end.startsWith('_') ? `eval-fixtures/market1501${end}` : `eval-fixtures/market1501-${end}`,
);

describe.skipIf(!hasData(...MARKET))('Market-1501’s names by a distance that is a hash', () => {
  /** Identity and camera of `0001,query/0001_c1s1_001051_00.jpg`. */
  function readLabels(name: string): Labels {
    const rows = readDataText(name).trim().split('\n');
    return {
      identities: Int32Array.from(rows, (row) => Number(row.split(',')[0])),
      cameras: Int32Array.from(rows, (row) => Number(/_c(\d)s/.exec(row)?.[1])),
    };
  }

  const EVERY = 4;
  const BLOCK = 1000;

  test('agrees with torchreid and a second implementation on all of its rules', async () => {
    const { expected, sampleDistances } = JSON.parse(readDataText(MARKET[0])) as {
      expected: {
        torchreid: Record<'mAP' | 'rank1' | 'rank5' | 'rank10', number>;
        second_implementation: Record<
          'n' | 'mAP' | 'rank1' | 'rank5' | 'rank10' | 'mINP' | 'mAP_trapezoid',
          number
        >;
      };
      sampleDistances: [number, number, number][];
    };
    const all = readLabels(MARKET[1]);
    const gallery = readLabels(MARKET[2]);
    const pair = (i: number, j: number) => hashedDistance(i, j, all.identities[i] === gallery.identities[j]);
    for (const [i, j, distance] of sampleDistances) expect(pair(i, j)).toBe(distance);

    const queries: Labels = {
      identities: all.identities.filter((_, i) => i % EVERY === 0),
      cameras: all.cameras.filter((_, i) => i % EVERY === 0),
    };
    const count = queries.identities.length;
    const total = gallery.identities.length;
    expect([count, total]).toEqual([expected.second_implementation.n, 19732]);

    const protocol = bindProtocol('market1501', queries, gallery);
    function* distances(wanted: (start: number, count: number) => boolean): Generator<GalleryDistances> {
      for (let start = 0; start < total; start += BLOCK) {
        const size = Math.min(BLOCK, total - start);
        if (!wanted(start, size)) continue;
        const row = new Float64Array(size);
        yield {
          start,
          count: size,
          pair: (query, item) => pair(EVERY * query, item),
          row(query) {
            for (let j = 0; j < size; j++) row[j] = pair(EVERY * query, start + j);
            return row;
          },
        };
      }
    }
    const scorer = new DistanceScorer(distances, 0, protocol.drops);
    const result = summarise([await rankQueries(protocol, { start: 0, count }, scorer)], count);

    expect(result.validQueries).toBe(count);
    for (const { mAP, rank1, rank5, rank10 } of [expected.torchreid, expected.second_implementation]) {
      expectReference(result, { mAP, cmc: { 1: rank1, 5: rank5, 10: rank10 } }, 9);
    }
    expect(result.mINP).toBeCloseTo(expected.second_implementation.mINP, 9);
    expect(result.mAPTrapezoid).toBeCloseTo(expected.second_implementation.mAP_trapezoid, 9);
  });
});

function expectReference(result: EvaluationResult, { mAP, mINP, cmc }: Reference, digits: number): void {
  expect(result.mAP).toBeCloseTo(mAP, digits);
  if (mINP !== undefined) expect(result.mINP).toBeCloseTo(mINP, 6);
  // The references compute the curve in float32.
  for (const [rank, share] of Object.entries(cmc ?? {})) {
    expect(result.cmc[rank], `rank ${rank}`).toBeCloseTo(share, 6);
  }
}

/** The fixture's distance: uint32 arithmetic, and the gallery index in the fraction, so that no two tie. */
function hashedDistance(i: number, j: number, sameIdentity: boolean): number {
  let h = Math.imul(i + 1, 2654435761) ^ Math.imul(j + 1, 2246822519);
  h ^= h >>> 15;
  h = Math.imul(h, 2246822507);
  h ^= h >>> 13;
  h = Math.imul(h, 3266489909);
  h = (h ^ (h >>> 16)) >>> 0;
  return (sameIdentity ? Math.floor(h / 16) : h) + j / 2 ** 20;
}
