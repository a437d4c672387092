import { describe, expect, test } from 'vitest';
import { kernel } from '../../test/kernel.ts';
import { quantised, randomSet, slowList, slowSummary } from '../../test/slow-evaluation.ts';
import { createRandom } from '../random.ts';
import type { EmbeddingSet } from '../sets/embedding-set.ts';
import { evaluateSets } from './evaluate-sets.ts';
import { gatherTracks } from './tracks.ts';

const draws = { repeats: 1, seed: 0 };

/** A gallery whose groups are tracks, not in one piece. */
function randomTracks(seed: number): EmbeddingSet {
  const random = createRandom(seed);
  const set = randomSet(random, 120, 3, quantised);
  const track = (_: number, i: number) =>
    1000 + 100 * set.identities[i] + 10 * set.cameras[i] + random.integer(3);
  return { ...set, groups: set.identities.map(track) };
}

describe.each(['cosine', 'euclidean'] as const)('veri776-track by %s', (distance) => {
  test.each([1, 2, 3])('ranks tracks by their nearest image, set %i', async (seed) => {
    const gallery = randomTracks(seed);
    const queries = randomSet(createRandom(seed + 10), 60, 3, quantised);
    const lists = Array.from({ length: queries.count }, (_, q) => {
      const tracks = new Map<number, { identity: number; distance: number; place: number }>();
      // The list of images has no junk and nothing of the query's identity and camera, and so no such track.
      for (const { g, distance: d } of slowList({ protocol: 'veri776', distance }, queries, q, gallery)) {
        const group = gallery.groups?.[g] as number;
        const place = gallery.groups?.indexOf(group) as number;
        const known = tracks.get(group) ?? { identity: gallery.identities[g], distance: d, place };
        tracks.set(group, { ...known, distance: Math.min(known.distance, d) });
      }
      return [...tracks.values()]
        .sort((a, b) => a.distance - b.distance || a.place - b.place)
        .map(({ identity }) => identity === queries.identities[q] && identity > 0);
    });
    const expected = slowSummary(lists);
    const { result } = await evaluateSets(
      kernel,
      { protocol: 'veri776-track', distance, draws },
      queries,
      gallery,
    );
    expect(result.validQueries).toBeGreaterThan(0);
    expect(result.validQueries).toBe(expected.validQueries);
    expect(result.cmc).toEqual(expected.cmc);
    for (const name of ['mAP', 'mAPTrapezoid', 'mAPAtR', 'rPrecision', 'mINP'] as const) {
      expect(result[name], name).toBeCloseTo(expected[name] as number, 12);
    }
  });
});

test('tracks of one image each are the images', async () => {
  const random = createRandom(5);
  const [queries, gallery] = [randomSet(random, 40, 3, quantised), randomSet(random, 50, 3, quantised)];
  const groups = Int32Array.from({ length: 50 }, (_, i) => i);
  const distance = 'cosine';
  const images = await evaluateSets(kernel, { protocol: 'veri776', distance, draws }, queries, gallery);
  const tracks = await evaluateSets(kernel, { protocol: 'veri776-track', distance, draws }, queries, {
    ...gallery,
    groups,
  });
  expect(tracks.result).toStrictEqual(images.result);
});

describe('what is no set of tracks', () => {
  const labels = (identities: number[], cameras: number[], groups: number[]) => ({
    identities: Int32Array.from(identities),
    cameras: Int32Array.from(cameras),
    groups: Int32Array.from(groups),
  });

  test('no groups', () => {
    const { groups: _, ...plain } = labels([1], [1], [1]);
    expect(() => gatherTracks(plain)).toThrow('it has no groups');
  });

  test('a group of two identities or two cameras, which it names', () => {
    expect(() => gatherTracks(labels([1, 2, 3], [1, 1, 1], [7, 8, 7]))).toThrow(
      'Group 7 of the gallery is not one track: item 0 has identity 1, item 2 has 3.',
    );
    expect(() => gatherTracks(labels([1, 1], [1, 2], [7, 7]))).toThrow(
      'Group 7 of the gallery is not one track: item 0 has camera 1, item 1 has 2.',
    );
  });

  test('tracks are numbered as their first images come', () => {
    const { labels: found, trackOf } = gatherTracks(labels([5, 4, 5, -1], [2, 1, 2, 3], [9, 3, 9, 4]));
    expect([...trackOf]).toEqual([0, 1, 0, 2]);
    expect([...found.identities, ...found.cameras]).toEqual([5, 4, -1, 2, 1, 3]);
  });
});
