import type { BundleTensor } from '@softmargin/shared/bundle/bundle.ts';
import type { Manifest } from '@softmargin/shared/bundle/manifest.ts';
import type { Picture } from '@softmargin/shared/images/picture.ts';
import { preprocess } from '@softmargin/shared/images/preprocess.ts';
import { ServingModel } from '@softmargin/shared/models/serving.ts';
import { tensorFeatures } from '@softmargin/shared/models/tensor-features.ts';
import { createRandom } from '@softmargin/shared/random.ts';

/** Cosine distances between embeddings, over pictures. */
export interface Drift {
  readonly count: number;
  readonly mean: number;
  readonly largest: number;
}

/**
 * How far packed weights move the embeddings of pictures from those of the float32 weights, both computed as the
 * service does.
 *
 * @param pictures at least one.
 */
export async function weightDrift(
  manifest: Manifest,
  tensors: Map<string, BundleTensor>,
  packed: Map<string, BundleTensor>,
  pictures: readonly Picture[],
): Promise<Drift> {
  const before = await embedAll({ ...manifest, weights: undefined }, tensors, pictures);
  const after = await embedAll(manifest, packed, pictures);
  const distances = before.map((embedding, i) => {
    let product = 0;
    for (const [k, value] of embedding.entries()) product += value * after[i][k];
    return Math.max(0, 1 - product);
  });
  return {
    count: distances.length,
    mean: distances.reduce((sum, distance) => sum + distance) / distances.length,
    largest: Math.max(...distances),
  };
}

async function embedAll(
  { weights, ...rest }: Omit<Manifest, 'weights'> & { weights?: Manifest['weights'] | undefined },
  tensors: Map<string, BundleTensor>,
  pictures: readonly Picture[],
): Promise<Float32Array[]> {
  const manifest: Manifest = weights === undefined ? rest : { ...rest, weights };
  const model = ServingModel.load({ manifest, tensors, sha256: '' }, tensorFeatures);
  try {
    const embeddings: Float32Array[] = [];
    // One at a time, so that a large network fits as it does in serving.
    for (const picture of pictures) embeddings.push(await model.embed(preprocess(picture, manifest), 1));
    return embeddings;
  } finally {
    model.dispose();
  }
}

/**
 * Pictures to measure on where there are no real ones: smooth fields of colour with edges across them. They are
 * not photographs, and a drift that was measured on them is named so.
 */
export function generatedPictures(count: number, height: number, width: number): Picture[] {
  const random = createRandom(1);
  return Array.from({ length: count }, () => {
    const waves = Array.from({ length: 9 }, () => ({
      down: 12 * random.uniform() - 6,
      across: 12 * random.uniform() - 6,
      phase: 2 * Math.PI * random.uniform(),
      edge: random.uniform() < 0.4,
    }));
    const data = new Uint8Array(4 * height * width);
    for (let pixel = 0; pixel < height * width; pixel++) {
      const y = Math.floor(pixel / width) / height;
      const x = (pixel % width) / width;
      for (let channel = 0; channel < 3; channel++) {
        let sum = 0;
        for (const { down, across, phase, edge } of waves.slice(3 * channel, 3 * channel + 3)) {
          const wave = Math.sin(2 * Math.PI * (down * y + across * x) + phase);
          sum += edge ? Math.sign(wave) : wave;
        }
        data[4 * pixel + channel] = Math.round(127.5 + 40 * sum);
      }
      data[4 * pixel + 3] = 255;
    }
    return { height, width, data };
  });
}
