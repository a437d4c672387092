import { blockOf } from '@softmargin/shared/metrics/blocks.ts';
import { listedDistances } from '@softmargin/shared/metrics/distance.ts';
import {
  type EvaluationRule,
  evaluateShard,
  type GallerySource,
} from '@softmargin/shared/metrics/evaluate.ts';
import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import type { ImageDataset } from '../datasets/dataset.ts';
import { loadKernel } from '../evaluation/kernel.ts';
import { pngOf } from './png.ts';

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

const LIST_LENGTH = 10;
const WORST = 4;

/**
 * Ranked lists to look at: the first query of every identity, then the queries with the lowest average
 * precision, which show what the embedding gets wrong.
 */
export async function rankedExamples(
  sets: { readonly query: EmbeddingSet; readonly gallery: EmbeddingSet },
  rule: EvaluationRule,
  pictures: { readonly query: ImageDataset; readonly gallery: ImageDataset },
): Promise<{ typical: RankedExample[]; worst: RankedExample[] }> {
  const { query, gallery } = sets;
  const kernel = loadKernel();
  const galleryBlock = blockOf(gallery, 0, gallery.count);
  const source: GallerySource = {
    labels: gallery,
    count: gallery.count,
    rowsPerBlock: gallery.count,
    read: () => galleryBlock,
  };
  const scores = await evaluateShard(kernel, rule, blockOf(query, 0, query.count), query, source);
  const all = {
    starts: Int32Array.of(0, gallery.count),
    items: Int32Array.from({ length: gallery.count }, (_, item) => item),
  };

  const example = async (index: number): Promise<RankedExample> => {
    const row = await listedDistances(kernel, rule.distance, blockOf(query, index, 1), source, all);
    const first = Array.from(row.keys())
      .sort((a, b) => row[a] - row[b] || a - b)
      .slice(0, LIST_LENGTH)
      .map((item) => ({ item, distance: row[item] }));
    return {
      identity: query.identities[index],
      averagePrecision: scores.at(index).score?.averagePrecision ?? 0,
      query: await pngOf(pictures.query, index),
      items: await Promise.all(
        first.map(async ({ item, distance }) => ({
          picture: await pngOf(pictures.gallery, item),
          identity: gallery.identities[item],
          distance,
        })),
      ),
    };
  };

  const identities = [...new Set(query.identities)].sort((a, b) => a - b);
  const typical = identities.map((identity) => query.identities.indexOf(identity));
  const precision = (index: number) => scores.at(index).score?.averagePrecision ?? 1;
  const worst = Array.from({ length: query.count }, (_, index) => index)
    .sort((a, b) => precision(a) - precision(b))
    .slice(0, WORST);
  return {
    typical: await Promise.all(typical.map(example)),
    worst: await Promise.all(worst.map(example)),
  };
}
