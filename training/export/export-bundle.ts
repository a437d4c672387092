import { type Bundle, type BundleTensor, readBundle, writeBundle } from '@softmargin/shared/bundle/bundle.ts';
import type { Manifest } from '@softmargin/shared/bundle/manifest.ts';
import type { ChannelStatistics } from '@softmargin/shared/images/preprocess.ts';
import { evaluate } from '@softmargin/shared/metrics/evaluate.ts';
import { architectures } from '@softmargin/shared/models/architectures.ts';
import type { Architecture } from '@softmargin/shared/models/layers.ts';
import { ServingModel } from '@softmargin/shared/models/serving.ts';
import type { ImageDataset, Split } from '../datasets/dataset.ts';
import { embedDataset } from '../embedding/embed-dataset.ts';
import { loadKernel } from '../evaluation/kernel.ts';
import type { Recipe } from '../recipes/recipe.ts';

export interface TrainedNetwork {
  readonly name: string;
  readonly recipe: Recipe;
  readonly parameters: Map<string, BundleTensor>;
  readonly statistics: ChannelStatistics;
}

/**
 * Scores a trained network on the held-out pictures, each against all the others by cosine distance, and
 * writes it as a bundle.
 */
export async function exportBundle(network: TrainedNetwork, split: Split): Promise<Uint8Array> {
  const manifest = describe(network, split);
  const unscored = await readBundle(await writeBundle(manifest, network.parameters));
  const scores = await scoreHeldOut(unscored, split.test);
  return writeBundle({ ...manifest, scores }, network.parameters);
}

async function scoreHeldOut(bundle: Bundle, test: ImageDataset): Promise<Manifest['scores']> {
  const model = ServingModel.load(bundle);
  try {
    const embedded = await embedDataset(model, test);
    const { mAP, mINP, cmc } = await evaluate(
      loadKernel(),
      { protocol: 'all', distance: 'cosine' },
      embedded,
      embedded,
    );
    return { mAP: mAP ?? 0, mINP: mINP ?? 0, cmc1: cmc[1] ?? 0 };
  } finally {
    model.dispose();
  }
}

function describe(
  { name, recipe, statistics }: TrainedNetwork,
  { train, test, description }: Split,
): Manifest {
  const { input, dimension } = architectures.get(recipe.model) as Architecture;
  return {
    format: 1,
    name,
    architecture: recipe.model,
    input,
    preprocessing: {
      resize: 'bilinear-antialiased',
      // Digits are bright ink on dark ground; a scan or a drawing is usually the other way round.
      invert: 'bright-border',
      mean: [...statistics.mean],
      deviation: [...statistics.deviation],
    },
    embedding: { dimension, distance: 'cosine' },
    recipe,
    dataset: {
      name: train.name,
      trainImages: train.count,
      testImages: test.count,
      identities: new Set(train.identities).size,
      split: description,
    },
    scores: {},
  };
}
