import { blockOf } from '@softmargin/shared/metrics/blocks.ts';
import { listedDistances } from '@softmargin/shared/metrics/distance.ts';
import { type EvaluationRule, rankSets } from '@softmargin/shared/metrics/evaluate.ts';
import { bindProtocol } from '@softmargin/shared/metrics/protocols.ts';
import { gallerySource } from '@softmargin/shared/metrics/read-distances.ts';
import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import { loadKernel } from '../evaluation/kernel.ts';

/** A query with the first items of its ranked list, as pictures. */
export interface RankedExample {
  readonly identity: number;
  readonly averagePrecision: number;
  readonly query: Buffer;
  readonly items: readonly {
    readonly picture: Buffer;
    readonly identity: number;
    readonly distance: number;
  }[];
}

/** The PNG file of item `index` of a set. */
export type PictureOf = (index: number) => Promise<Buffer>;

const LIST_LENGTH = 10;
const TYPICAL = 10;
const WORST = 4;

/**
 * Ranked lists to look at: the first query of each of the first ten identities, then the queries with the
 * lowest average precision, which show what the embedding gets wrong. What the protocol leaves out of a
 * query's list is left out here.
 */
export async function rankedExamples(
  sets: { readonly query: EmbeddingSet; readonly gallery: EmbeddingSet },
  rule: EvaluationRule,
  pictures: { readonly query: PictureOf; readonly gallery: PictureOf },
): Promise<{ typical: RankedExample[]; worst: RankedExample[] }> {
  const { query, gallery } = sets;
  const kernel = loadKernel();
  const protocol = bindProtocol(rule.protocol, query, gallery);
  const precisions = (await rankSets(kernel, rule, query, gallery)).flatMap((part) =>
    Array.from({ length: part.count }, (_, i) => part.at(i).score?.averagePrecision),
  );

  const example = async (index: number): Promise<RankedExample> => {
    const kept = Array.from({ length: gallery.count }, (_, item) => item).filter((item) =>
      protocol.keeps(index, item),
    );
    const lists = { starts: Int32Array.of(0, kept.length), items: Int32Array.from(kept) };
    const block = blockOf(query, index, 1);
    const row = await listedDistances(kernel, rule.distance, block, gallerySource(gallery), lists);
    const first = kept
      .map((item, i) => ({ item, distance: row[i] }))
      .sort((a, b) => a.distance - b.distance || a.item - b.item)
      .slice(0, LIST_LENGTH);
    return {
      identity: query.identities[index],
      averagePrecision: precisions[index] ?? 0,
      query: await pictures.query(index),
      items: await Promise.all(
        first.map(async ({ item, distance }) => ({
          picture: await pictures.gallery(item),
          identity: gallery.identities[item],
          distance,
        })),
      ),
    };
  };

  const valid = Array.from(precisions.keys()).filter((index) => precisions[index] !== undefined);
  const identities = [...new Set(valid.map((index) => query.identities[index]))].sort((a, b) => a - b);
  const typical = identities
    .slice(0, TYPICAL)
    .map((identity) => valid.find((index) => query.identities[index] === identity) as number);
  const worst = valid
    .toSorted((a, b) => (precisions[a] as number) - (precisions[b] as number))
    .slice(0, WORST);
  return {
    typical: await Promise.all(typical.map(example)),
    worst: await Promise.all(worst.map(example)),
  };
}
