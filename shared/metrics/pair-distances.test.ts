import { describe, expect, test } from 'vitest';
import { kernel } from '../../test/kernel.ts';
import { quantised, randomSet, slowList } from '../../test/slow-evaluation.ts';
import { createRandom } from '../random.ts';
import type { EmbeddingSet } from '../sets/embedding-set.ts';
import { blocksOf } from './blocks.ts';
import { countPairs } from './count-pairs.ts';
import { type DistanceName, distanceNames } from './distance.ts';
import { DistanceKernel } from './kernel/distance-kernel.ts';
import { distanceRange, longestRow, PairDistances } from './pair-distances.ts';
import { bindProtocol, type ProtocolName } from './protocols.ts';
import { gallerySource, readDistances } from './read-distances.ts';

async function count(
  protocol: ProtocolName,
  distance: DistanceName,
  queries: EmbeddingSet,
  gallery: EmbeddingSet,
  size = 16,
): Promise<PairDistances[]> {
  const parts: PairDistances[] = [];
  for (const block of blocksOf(queries, size)) {
    const [longestQuery, longestItem] = [gallerySource(queries), gallerySource(gallery)].map(longestRow);
    const pairs = new PairDistances(distance, distanceRange(distance, await longestQuery, await longestItem));
    const bound = bindProtocol(protocol, queries, gallery);
    await countPairs(
      pairs,
      bound,
      block,
      readDistances(new DistanceKernel(kernel), distance, block, gallerySource(gallery)),
    );
    parts.push(pairs);
  }
  return parts;
}

function sum(parts: readonly PairDistances[]): PairDistances {
  const total = new PairDistances(parts[0].distance, parts[0].range);
  for (const part of parts) total.add(part);
  return total;
}

function cosine(a: Float32Array, b: Float32Array): number {
  const dot = (x: Float32Array, y: Float32Array) => x.reduce((s, v, k) => s + v * y[k], 0);
  const norms = Math.sqrt(dot(a, a) * dot(b, b));
  return norms === 0 ? 1 : 1 - dot(a, b) / norms;
}

/** The kept pairs one by one: their distance, and whether they match. */
function slowPairs(
  protocol: ProtocolName,
  distance: DistanceName,
  queries: EmbeddingSet,
  gallery: EmbeddingSet,
): { distance: number; match: boolean }[] {
  const row = ({ features, dimension }: EmbeddingSet, i: number) =>
    features.subarray(i * dimension, (i + 1) * dimension);
  return Array.from({ length: queries.count }, (_, q) => q).flatMap((q) =>
    slowList({ protocol, distance }, queries, q, gallery).map(({ g, distance: euclidean }) => ({
      distance:
        distance === 'cosine'
          ? cosine(row(queries, q), row(gallery, g))
          : euclidean ** (distance === 'euclidean' ? 1 : 2),
      match:
        queries.identities[q] === gallery.identities[g] &&
        (protocol !== 'market1501' || queries.identities[q] > 0),
    })),
  );
}

describe.each(
  (['none', 'market1501'] as const).flatMap((protocol) =>
    distanceNames.map((distance) => ({ protocol, distance })),
  ),
)('$protocol by $distance', ({ protocol, distance }) => {
  test.each([1, 2])(
    'every kept pair is counted, and rates are those of the thresholds, set %i',
    async (seed) => {
      const random = createRandom(seed);
      // Four dimensions of three values: many pairs at one distance.
      const feature = seed === 1 ? quantised : (r: typeof random) => r.normal();
      const [queries, gallery] = [randomSet(random, 50, 4, feature), randomSet(random, 120, 4, feature)];
      const slow = slowPairs(protocol, distance, queries, gallery);
      const matching = slow.filter(({ match }) => match).map((pair) => pair.distance);
      const others = slow.filter(({ match }) => !match).map((pair) => pair.distance);

      const found = sum(await count(protocol, distance, queries, gallery)).verification();
      expect(found.matchingPairs).toBe(matching.length);
      expect(found.nonMatchingPairs).toBe(others.length);
      const within = (distances: number[], threshold: number) =>
        distances.filter((d) => d <= threshold).length / distances.length;
      expect(found.tarAtFar.map(({ far }) => far)).toEqual([1e-4, 1e-3, 1e-2, 1e-1]);
      expect(found.roc.length).toBe(61);
      expect(found.roc.at(-1)).toMatchObject({ far: 1, tar: 1, achievedFar: 1, tarAtMost: 1 });
      // The exact rates: by trying every threshold there is.
      const thresholds = [...new Set([...matching, ...others])];
      const exactly = thresholds.map((t) => ({ far: within(others, t), tar: within(matching, t) }));
      for (const point of [...found.tarAtFar, ...found.roc]) {
        const exact = Math.max(0, ...exactly.filter(({ far }) => far <= point.far).map(({ tar }) => tar));
        expect(point.tar).toBeLessThanOrEqual(exact);
        expect(point.tarAtMost).toBeGreaterThanOrEqual(exact);
        expect(point.achievedFar).toBeLessThanOrEqual(point.far);
      }
      const total = (counts: readonly number[]) => counts.reduce((a, b) => a + b, 0);
      expect(total(found.histogram.matching)).toBe(matching.length);
      expect(total(found.histogram.nonMatching)).toBe(others.length);
      if (seed === 2) {
        // No two are near an edge here: the counts are those of the thresholds and of the bins.
        for (const point of found.tarAtFar) {
          expect(point.tar).toBe(within(matching, point.threshold));
          expect(point.achievedFar).toBe(within(others, point.threshold));
        }
        const { binWidth } = found.histogram;
        expect(found.histogram.matching).toEqual(
          Array.from(
            { length: 128 },
            (_, i) => matching.filter((d) => d > i * binWidth && d <= (i + 1) * binWidth).length,
          ),
        );
      }
    },
  );
});

test('pairs of queries without a correct match count as well', async () => {
  const set = (identities: number[], features: number[]): EmbeddingSet => ({
    count: identities.length,
    dimension: 1,
    features: Float32Array.from(features),
    identities: Int32Array.from(identities),
    cameras: new Int32Array(identities.length),
  });
  const [pairs] = await count('none', 'euclidean', set([1, 9], [0, 4]), set([1, 2, 3], [1, 2, 3]));
  expect(pairs.verification()).toMatchObject({ matchingPairs: 1, nonMatchingPairs: 5 });
  // Lengths of up to 4 and 3.
  expect(pairs.range).toBe(7);
});

test('how queries are cut and in which order parts are added changes nothing', async () => {
  const random = createRandom(4);
  const [queries, gallery] = [randomSet(random, 60, 4, quantised), randomSet(random, 90, 4, quantised)];
  const whole = (await count('market1501', 'euclidean', queries, gallery, 60))[0];
  for (const size of [1, 7, 33]) {
    const parts = await count('market1501', 'euclidean', queries, gallery, size);
    expect(sum([...parts].reverse()).encode()).toEqual(whole.encode());
    expect(sum(parts).verification()).toStrictEqual(whole.verification());
  }
});

test('without matching or without other pairs there are no rates, and the histogram is there', async () => {
  const random = createRandom(5);
  const set = { ...randomSet(random, 9, 4, quantised), identities: new Int32Array(9).fill(5) };
  const apart = { ...set, identities: new Int32Array(9).fill(6) };
  for (const [gallery, matchingPairs] of [
    [set, 81],
    [apart, 0],
  ] as const) {
    const found = (await count('none', 'cosine', set, gallery))[0].verification();
    expect(found).toMatchObject({
      matchingPairs,
      nonMatchingPairs: 81 - matchingPairs,
      tarAtFar: [],
      roc: [],
    });
    expect(found.histogram.matching.length).toBe(128);
  }
});

test('vectors of zeros alone: every pair is at distance 0', async () => {
  const random = createRandom(6);
  const set = { ...randomSet(random, 30, 4, quantised), features: new Float32Array(120) };
  const { histogram, matchingPairs } = (await count('none', 'euclidean', set, set))[0].verification();
  expect(histogram.matching[0] + histogram.nonMatching[0]).toBeGreaterThanOrEqual(matchingPairs);
});

describe('encode and decode', () => {
  test('give the same counts', async () => {
    const random = createRandom(7);
    const set = randomSet(random, 40, 4, quantised);
    for (const distance of distanceNames) {
      const pairs = sum(await count('none', distance, set, set));
      const decoded = PairDistances.decode(Buffer.from(pairs.encode()));
      expect(decoded.verification()).toStrictEqual(pairs.verification());
      expect(decoded.distance).toBe(distance);
    }
  });

  test('are short also where most bins hold a pair', () => {
    const random = createRandom(8);
    const pairs = new PairDistances('cosine', 2);
    const row = Float64Array.from({ length: 400_000 }, () => 2 * random.uniform());
    const labels = {
      identities: Int32Array.from(row, (_, item) => item % 2),
      cameras: new Int32Array(row.length),
    };
    const bound = bindProtocol('none', { identities: Int32Array.of(1), cameras: Int32Array.of(0) }, labels);
    pairs.addRow(bound, new Set(bound.matches(0)), 0, 0, row);
    const bytes = pairs.encode();
    expect(bytes.length).toBeLessThan(2 ** 20 + 100);
    expect(PairDistances.decode(bytes).verification()).toStrictEqual(pairs.verification());
    expect(() => PairDistances.decode(bytes.subarray(0, bytes.length - 8))).toThrow(RangeError);
  });

  test('refuse what is cut or something else', () => {
    const pairs = new PairDistances('cosine', 2);
    pairs.addRow(bindProtocol('none', noLabels, noLabels), new Set([0]), 0, 0, Float64Array.of(0.5, 1.5));
    const bytes = pairs.encode();
    for (let length = 0; length < bytes.length; length++) {
      expect(() => PairDistances.decode(bytes.subarray(0, length)), `${length}`).toThrow(RangeError);
    }
    expect(() => PairDistances.decode(new Uint8Array(bytes.length + 8))).toThrow(RangeError);
    const strange = new Float64Array(bytes.slice().buffer);
    strange[3] = 2 ** 16;
    expect(() => PairDistances.decode(new Uint8Array(strange.buffer))).toThrow(RangeError);
  });
});

const noLabels = { identities: new Int32Array(1), cameras: new Int32Array(1) };

test('pairs by another distance or range are not added', () => {
  const pairs = new PairDistances('euclidean', 2);
  for (const other of [new PairDistances('euclidean', 3), new PairDistances('cosine', 2)]) {
    expect(() => pairs.add(other)).toThrow(RangeError);
  }
});
