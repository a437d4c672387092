import type { Picture } from '@softmargin/shared/images/picture.ts';
import { preprocess } from '@softmargin/shared/images/preprocess.ts';
import type { ServingModel } from '@softmargin/shared/models/serving.ts';
import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import type { ImageDataset } from '../datasets/dataset.ts';

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

/** One picture of a data set, as a decoder would give it. */
export function pictureAt(dataset: ImageDataset, index: number): Picture {
  const { height, width, channels, pixels } = dataset;
  const size = height * width;
  const data = new Uint8Array(4 * size).fill(255);
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < 3; c++) data[4 * i + c] = pixels[(index * size + i) * channels + (c % channels)];
  }
  return { width, height, data };
}
