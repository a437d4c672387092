import type { Labels } from '../../shared/metrics/protocols.ts';

/**
 * mAP of one query the way evaluators are usually written: the whole gallery is sorted by score, items of
 * the query's own identity and camera are passed over, and the list is walked through.
 */
export function averagePrecisionBySorting(
  scores: Float32Array,
  query: number,
  queries: Labels,
  gallery: Labels,
): number | undefined {
  const order = Uint32Array.from(scores, (_, item) => item);
  order.sort((a, b) => scores[b] - scores[a] || a - b);
  let rank = 0;
  let found = 0;
  let precisions = 0;
  for (const item of order) {
    const isSame = gallery.identities[item] === queries.identities[query];
    if (isSame && gallery.cameras[item] === queries.cameras[query]) continue;
    rank++;
    if (isSame) precisions += ++found / rank;
  }
  return found === 0 ? undefined : precisions / found;
}
