import type { ServingModel } from '@softmargin/shared/models/serving.ts';
import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import { type Dataset, subset } from '../datasets/dataset.ts';
import { BatchLoader } from '../loading/batch-loader.ts';
import { SequentialSampler } from '../sampling/sequential-sampler.ts';

const BATCH = 100;

/** Nothing is drawn for a picture that is embedded; the loader wants a seed all the same. */
const SEED = 0;

export interface EmbeddingOptions {
  /** Told how many items are embedded. */
  readonly onProgress?: (done: number, total: number) => void;
  readonly onBroken?: (path: string, reason: string) => void;
  /** Broken pictures that are put up with; the loader's own number without it. */
  readonly brokenLimit?: number;
  /** Whether each picture and its mirror image are averaged; as the manifest says, unless given. */
  readonly flip?: boolean | undefined;
  /** Stops between two batches. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Embeds every picture of a data set the way the service does: the same preprocessing, the same network.
 *
 * @returns the embeddings and the data set's items that they are of: all but those that cannot be decoded.
 * @throws {Error} if more pictures are broken than the loader puts up with, naming them.
 */
export async function embedDataset<Kind extends Dataset>(
  model: ServingModel,
  dataset: Kind,
  { onProgress, onBroken, brokenLimit, flip, signal }: EmbeddingOptions = {},
): Promise<{ readonly set: EmbeddingSet; readonly items: Kind }> {
  const { dimension, flip: usual = false } = model.manifest.embedding;
  const sampler = new SequentialSampler(dataset.count, BATCH);
  await using loader = new BatchLoader({
    dataset,
    sampler,
    rule: model.manifest,
    seed: SEED,
    endStep: sampler.steps,
    broken: 'leave-out',
    // Pictures in memory are ready sooner than a thread is.
    ...('pixels' in dataset && { workers: 0 }),
    ...(onBroken && { onBroken }),
    ...(brokenLimit !== undefined && { brokenLimit }),
  });
  const features = new Float32Array(dataset.count * dimension);
  const embedded: number[] = [];
  for (let step = 0; step < sampler.steps; step++) {
    signal?.throwIfAborted();
    const { images, items } = await loader.next();
    if (items.length > 0) {
      features.set(await model.embed(images, items.length, flip ?? usual), embedded.length * dimension);
    }
    embedded.push(...items);
    onProgress?.(Math.min((step + 1) * BATCH, dataset.count), dataset.count);
  }
  const items = embedded.length === dataset.count ? dataset : subset(dataset, embedded);
  const { count, identities, cameras, groups } = items;
  const set = {
    count,
    dimension,
    features: features.subarray(0, count * dimension),
    identities,
    cameras,
    ...(groups && { groups }),
  };
  return { set, items };
}
