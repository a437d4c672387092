import { preprocess } from '@softmargin/shared/images/preprocess.ts';
import type { ServingModel } from '@softmargin/shared/models/serving.ts';
import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import type { ImageDataset } from '../datasets/dataset.ts';
import { pictureAt } from '../datasets/picture-at.ts';

const BATCH = 100;

/** Embeds every picture of a data set the way the service does: the same preprocessing, the same network. */
export async function embedDataset(model: ServingModel, dataset: ImageDataset): Promise<EmbeddingSet> {
  const { dimension } = model.manifest.embedding;
  const features = new Float32Array(dataset.count * dimension);
  for (let start = 0; start < dataset.count; start += BATCH) {
    const count = Math.min(BATCH, dataset.count - start);
    const images = Array.from({ length: count }, (_, i) =>
      preprocess(pictureAt(dataset, start + i), model.manifest),
    );
    const size = images[0].length;
    const batch = new Float32Array(count * size);
    for (const [i, image] of images.entries()) batch.set(image, i * size);
    features.set(await model.embed(batch, count), start * dimension);
  }
  const { count, identities, cameras } = dataset;
  return { count, dimension, features, identities, cameras };
}
