import { describe, expect, test } from 'vitest';
import { hasData, readData, readDataText } from '../../test/data.ts';
import { kernel } from '../../test/kernel.ts';
import type { EmbeddingSet } from '../sets/embedding-set.ts';
import { distanceNames } from './distance.ts';
import { evaluate } from './evaluate.ts';
import { bindProtocol, type Labels } from './protocols.ts';
import { type GalleryScorer, rankQueries } from './rank.ts';
import { type EvaluationResult, summarise } from './summary.ts';

/** What an implementation reported; not each reports everything. */
interface Reference {
  readonly mAP: number;
  readonly mINP?: number;
  readonly cmc?: Readonly<Record<string, number>>;
}

const GROCERY = ['eval-fixtures/grocery-mobilenet256.json', 'eval-fixtures/grocery-mobilenet256.f32'];

describe.skipIf(!hasData(...GROCERY))('Grocery Store by 256-d MobileNet features', () => {
  const implementations = ['torchreid', 'open-reid(sklearn AP)', 'fast-reid'];
  const TRAPEZOID = 'market-matlab compute_AP (trapezoid, transcribed)';

  function load() {
    const described = JSON.parse(readDataText(GROCERY[0])) as {
      n: number;
      dim: number;
      ids: number[];
      cams: number[];
      isQuery: number[];
      expected: Record<string, Record<string, Reference> & { validQueries: number }>;
    };
    const { n, dim, ids, cams, isQuery, expected } = described;
    const features = new Float32Array(readData(GROCERY[1]).buffer);
    const select = (wanted: number): EmbeddingSet => {
      const items = Array.from({ length: n }, (_, i) => i).filter((i) => isQuery[i] === wanted);
      return {
        count: items.length,
        dimension: dim,
        features: Float32Array.from(items.flatMap((i) => [...features.subarray(i * dim, (i + 1) * dim)])),
        identities: Int32Array.from(items, (i) => ids[i]),
        cameras: Int32Array.from(items, (i) => cams[i]),
      };
    };
    return { queries: select(1), gallery: select(0), expected };
  }

  describe.each(distanceNames)('%s', (distance) => {
    test('agrees with torchreid, open-reid, fast-reid and the original trapezoid', async () => {
      const { queries, gallery, expected } = load();
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
    const score = (query: number, item: number) => -pair(EVERY * query, item);
    const scorer: GalleryScorer<Float64Array> = {
      async locate({ starts, items }) {
        return Float64Array.from(items, (item, i) => {
          return score(
            starts.findLastIndex((start) => start <= i),
            item,
          );
        });
      },
      async countBefore({ starts, items }, scores) {
        const counts = new Int32Array(items.length);
        for (let query = 0; query < count; query++) {
          if (starts[query] === starts[query + 1]) continue;
          for (let item = 0; item < total; item++) {
            if (protocol.drops(item)) continue;
            const found = score(query, item);
            // No two of these distances tie.
            for (let i = starts[query + 1] - 1; i >= starts[query] && found > scores[i]; i--) counts[i]++;
          }
        }
        return counts;
      },
    };
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
