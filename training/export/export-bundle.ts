import { type BundleTensor, writeBundle } from '@softmargin/shared/bundle/bundle.ts';
import type { Manifest } from '@softmargin/shared/bundle/manifest.ts';
import type { RankingSplit } from '../datasets/dataset.ts';
import type { EmbeddingOptions } from '../embedding/embed-dataset.ts';
import { type EmbeddedRanking, embedAndRank } from '../loop/validate.ts';

/**
 * Scores a trained network on held-out pictures and writes it as a bundle with these scores.
 *
 * @param heldOut without it the bundle has no scores.
 */
export async function exportBundle(
  manifest: Manifest,
  parameters: Map<string, BundleTensor>,
  heldOut: RankingSplit | undefined,
  options?: EmbeddingOptions,
): Promise<{ readonly bytes: Uint8Array; readonly ranking: EmbeddedRanking | undefined }> {
  const ranking = heldOut && (await embedAndRank(parameters, manifest, heldOut, options));
  return {
    bytes: await writeBundle({ ...manifest, scores: ranking?.scores ?? {} }, parameters),
    ranking,
  };
}
