import type { EvaluationRule } from '../shared/metrics/evaluate.ts';
import type { EvaluationResult } from '../shared/metrics/summary.ts';
import type { Random } from '../shared/random.ts';
import type { EmbeddingSet } from '../shared/sets/embedding-set.ts';

const row = ({ features, dimension }: EmbeddingSet, index: number) => [
  ...features.subarray(index * dimension, (index + 1) * dimension),
];

const dot = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, k) => sum + x * b[k], 0);

/** What a gallery item is sorted by, for one query. */
function distanceOf(rule: EvaluationRule, query: readonly number[], item: readonly number[]): number {
  if (rule.distance !== 'cosine') return Math.sqrt(query.reduce((sum, x, k) => sum + (x - item[k]) ** 2, 0));
  // The signed square of the cosine, times the query's constant length: in the order of the cosines, and
  // exact where features are small whole numbers, as no root is taken.
  const product = dot(query, item);
  const length = dot(item, item);
  return length === 0 || dot(query, query) === 0 ? 0 : -(product * Math.abs(product)) / length;
}

/** Whether a protocol leaves an item in a query's list, by the wording of its documentation. */
function isKept(
  { protocol }: EvaluationRule,
  queries: EmbeddingSet,
  q: number,
  gallery: EmbeddingSet,
  g: number,
): boolean {
  if (protocol === 'none') return true;
  if (protocol === 'all') return q !== g;
  const same = {
    sameIdentity: gallery.identities[g] === queries.identities[q],
    sameCamera: gallery.cameras[g] === queries.cameras[q],
    sameGroup: gallery.groups?.[g] === queries.groups?.[q],
  };
  if (typeof protocol === 'object') {
    const facts = {
      ...same,
      queryIdentity: queries.identities[q],
      queryCamera: queries.cameras[q],
      queryGroup: queries.groups?.[q],
      galleryIdentity: gallery.identities[g],
      galleryCamera: gallery.cameras[g],
      galleryGroup: gallery.groups?.[g],
    };
    return !protocol.drop.some((condition) =>
      Object.entries(condition).every(([name, value]) => facts[name as keyof typeof facts] === value),
    );
  }
  if (gallery.identities[g] === -1) return false;
  return !(same.sameIdentity && same.sameCamera);
}

function matchesNothing({ protocol }: EvaluationRule, identity: number): boolean {
  if (typeof protocol === 'object') return protocol.distractors.includes(identity);
  return protocol !== 'none' && protocol !== 'all' && identity <= 0;
}

/**
 * The evaluation the obvious way: every query's list is built, sorted and walked through, as the papers
 * describe it.
 */
export function slowEvaluate(
  rule: EvaluationRule,
  queries: EmbeddingSet,
  gallery: EmbeddingSet,
): EvaluationResult {
  return slowSummary(
    Array.from({ length: queries.count }, (_, q) => {
      const identity = queries.identities[q];
      return slowList(rule, queries, q, gallery)
        .sort((a, b) => a.distance - b.distance || a.g - b.g)
        .map(({ g }) => gallery.identities[g] === identity && !matchesNothing(rule, identity));
    }),
  );
}

/** The kept gallery items of a query with what they are sorted by, in the gallery's order. */
export function slowList(
  rule: EvaluationRule,
  queries: EmbeddingSet,
  q: number,
  gallery: EmbeddingSet,
): { g: number; distance: number }[] {
  return Array.from({ length: gallery.count }, (_, g) => g)
    .filter((g) => isKept(rule, queries, q, gallery, g))
    .map((g) => ({ g, distance: distanceOf(rule, row(queries, q), row(gallery, g)) }));
}

/** The measures of sorted lists, each of which says of every place whether it is correct. */
export function slowSummary(lists: readonly (readonly boolean[])[]): EvaluationResult {
  const averages: number[] = [];
  const trapezoids: number[] = [];
  const averagesAtR: number[] = [];
  const rPrecisions: number[] = [];
  const precisions: Record<string, number[]> = { 1: [], 5: [], 10: [] };
  const penalties: number[] = [];
  const firsts: number[] = [];
  let shortest = 50;
  for (const correct of lists) {
    const matches = correct.filter(Boolean).length;
    if (matches === 0) continue;

    let found = 0;
    let average = 0;
    let trapezoid = 0;
    let [precisionBefore, recallBefore] = [1, 0];
    for (let place = 0; place < correct.length; place++) {
      if (correct[place]) {
        found++;
        average += found / (place + 1) / matches;
      }
      const precision = found / (place + 1);
      const recall = found / matches;
      trapezoid += ((recall - recallBefore) * (precisionBefore + precision)) / 2;
      [precisionBefore, recallBefore] = [precision, recall];
    }
    averages.push(average);
    trapezoids.push(trapezoid);
    const precisionAt = (place: number) => correct.slice(0, place).filter(Boolean).length / place;
    const places = Array.from({ length: matches }, (_, i) => i + 1);
    averagesAtR.push(
      places.reduce((sum, place) => sum + (correct[place - 1] ? precisionAt(place) : 0), 0) / matches,
    );
    rPrecisions.push(precisionAt(matches));
    for (const [rank, values] of Object.entries(precisions)) values.push(precisionAt(Number(rank)));
    penalties.push(matches / (correct.lastIndexOf(true) + 1));
    firsts.push(correct.indexOf(true) + 1);
    shortest = Math.min(shortest, correct.length);
  }
  const valid = averages.length;
  const mean = (values: number[]) => (valid === 0 ? null : values.reduce((a, b) => a + b, 0) / valid);
  const ranks = valid === 0 ? [] : Array.from({ length: shortest }, (_, i) => i + 1);
  return {
    mAP: mean(averages),
    mAPTrapezoid: mean(trapezoids),
    mAPAtR: mean(averagesAtR),
    rPrecision: mean(rPrecisions),
    precision: Object.fromEntries(
      Object.entries(precisions).flatMap(([rank, values]) =>
        valid === 0 ? [] : [[rank, mean(values) ?? 0]],
      ),
    ),
    mINP: mean(penalties),
    cmc: Object.fromEntries(
      ranks.map((rank) => [rank, firsts.filter((first) => first <= rank).length / valid]),
    ),
    validQueries: valid,
    skippedQueries: lists.length - valid,
  };
}

/** The same set with few groups. */
export function withGroups(random: Random, set: EmbeddingSet): EmbeddingSet {
  return { ...set, groups: Int32Array.from({ length: set.count }, () => random.integer(3)) };
}

/** A set with junk (−1), distractors (0) and few identities and cameras, its features drawn one by one. */
export function randomSet(
  random: Random,
  count: number,
  dimension: number,
  feature: (random: Random) => number,
): EmbeddingSet {
  return {
    count,
    dimension,
    features: Float32Array.from({ length: count * dimension }, () => feature(random)),
    identities: Int32Array.from({ length: count }, () => random.integer(7) - 1),
    cameras: Int32Array.from({ length: count }, () => random.integer(3)),
  };
}

/** −1, 0 or 1: most distances are shared by many items, and some vectors are zero. */
export const quantised = (random: Random): number => random.integer(3) - 1;
