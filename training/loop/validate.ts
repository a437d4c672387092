import type { BundleTensor } from '@softmargin/shared/bundle/bundle.ts';
import type { Manifest } from '@softmargin/shared/bundle/manifest.ts';
import { evaluate } from '@softmargin/shared/metrics/evaluate.ts';
import { ServingModel } from '@softmargin/shared/models/serving.ts';
import { tensorFeatures } from '@softmargin/shared/models/tensor-features.ts';
import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import type { Dataset, RankingSplit } from '../datasets/dataset.ts';
import { type EmbeddingOptions, embedDataset } from '../embedding/embed-dataset.ts';
import { loadKernel } from '../evaluation/kernel.ts';
import type { Validation } from './run-log.ts';

/** One side of a ranking: its embeddings and the items they are of. */
export interface EmbeddedSide {
  readonly set: EmbeddingSet;
  readonly items: Dataset;
}

/** Queries and gallery, embedded and ranked. */
export interface EmbeddedRanking {
  readonly query: EmbeddedSide;
  readonly gallery: EmbeddedSide;
  readonly scores: Validation;
}

/**
 * Embeds queries and gallery with a network as it is served, and ranks them by the manifest's distance. Where
 * no query has a correct match the scores are 0.
 */
export async function embedAndRank(
  parameters: Map<string, BundleTensor>,
  manifest: Manifest,
  { query, gallery, protocol }: RankingSplit,
  options: EmbeddingOptions = {},
): Promise<EmbeddedRanking> {
  const model = ServingModel.load({ manifest, tensors: parameters, sha256: '' }, tensorFeatures);
  try {
    const total = query.count + (gallery === query ? 0 : gallery.count);
    const from = (start: number): EmbeddingOptions => ({
      ...options,
      ...(options.onProgress && { onProgress: (done) => options.onProgress?.(start + done, total) }),
    });
    const queries = await embedDataset(model, query, from(0));
    const items = gallery === query ? queries : await embedDataset(model, gallery, from(query.count));
    const rule = { protocol, distance: manifest.embedding.distance };
    const { mAP, mINP, cmc } = await evaluate(loadKernel(), rule, queries.set, items.set);
    return {
      query: queries,
      gallery: items,
      scores: { mAP: mAP ?? 0, mINP: mINP ?? 0, cmc1: cmc[1] ?? 0 },
    };
  } finally {
    model.dispose();
  }
}
