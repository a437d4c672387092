import { readFile } from 'node:fs/promises';
import type { SoftmarginClient } from '@softmargin/client';
import { SoftmarginError } from '@softmargin/client';
import { readBundle } from '@softmargin/shared/bundle/bundle.ts';
import { ServingModel } from '@softmargin/shared/models/serving.ts';
import { tensorFeatures } from '@softmargin/shared/models/tensor-features.ts';
import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import { embedDataset } from './embed-dataset.ts';
import { pictureBatches } from './picture-batches.ts';
import type { PictureLabels, PictureSource } from './picture-sources.ts';

/** Pictures as a set, without those that could not be read. */
export interface EmbeddedPictures {
  readonly set: EmbeddingSet;
  /** Of each row. */
  readonly names: readonly string[];
  readonly broken: readonly { readonly name: string; readonly reason: string }[];
  /** SHA-256 of the bundle. */
  readonly modelVersion: string;
}

export interface PictureEmbedding {
  readonly pictures: readonly PictureSource[];
  readonly labels: PictureLabels;
  readonly flip?: boolean | undefined;
  readonly onProgress: (done: number, total: number) => void;
  readonly signal: AbortSignal;
}

/** Embeds pictures by a bundle, on tfjs's current backend, as the service would. */
export async function embedByBundle(
  bundlePath: string,
  embedding: PictureEmbedding,
): Promise<EmbeddedPictures> {
  const { pictures, labels, flip, onProgress, signal } = embedding;
  const bundle = await readBundle(await readFile(bundlePath)).catch((cause: Error) => {
    throw new Error(`${bundlePath}: ${cause.message}`, { cause });
  });
  const model = ServingModel.load(bundle, tensorFeatures);
  const nameOf = new Map(pictures.map(({ name, file }) => [file, name]));
  const broken: { name: string; reason: string }[] = [];
  try {
    const { set, items } = await embedDataset(
      model,
      {
        name: 'pictures',
        count: pictures.length,
        paths: pictures.map(({ file }) => file),
        ...labels,
      },
      {
        onProgress,
        onBroken: (path, reason) => broken.push({ name: nameOf.get(path) as string, reason }),
        brokenLimit: pictures.length,
        flip,
        signal,
      },
    );
    const names = items.paths.map((path) => nameOf.get(path) as string);
    return checked({ set, names, broken, modelVersion: bundle.sha256 });
  } finally {
    model.dispose();
  }
}

/** Embeds pictures by a model of the service. */
export async function embedByService(
  client: SoftmarginClient,
  model: string | undefined,
  { pictures, labels, flip, onProgress, signal }: PictureEmbedding,
): Promise<EmbeddedPictures> {
  const rows: Float32Array[] = [];
  const embedded: number[] = [];
  const broken: { name: string; reason: string }[] = [];
  let modelVersion = '';
  const embed = async (first: number, batch: readonly Uint8Array[]): Promise<void> => {
    const answer = await client.embeddings.create(batch, { model, flip, signal }).catch((error: unknown) => {
      if (error instanceof SoftmarginError && error.code?.startsWith('picture_')) return error;
      throw error;
    });
    if (answer instanceof SoftmarginError) {
      // None of them can be embedded; alone, each is told why.
      if (batch.length > 1) for (const [i, bytes] of batch.entries()) await embed(first + i, [bytes]);
      else broken.push({ name: pictures[first].name, reason: answer.message });
      return;
    }
    modelVersion = answer.modelVersion;
    for (const { index, message } of answer.errors) {
      broken.push({ name: pictures[first + index].name, reason: message });
    }
    for (const [i, row] of answer.rows.entries()) {
      if (row === undefined) continue;
      rows.push(row);
      embedded.push(first + i);
    }
  };
  for await (const { first, batch } of pictureBatches(pictures)) {
    await embed(first, batch);
    onProgress(first + batch.length, pictures.length);
  }
  const dimension = rows[0]?.length ?? 0;
  const features = new Float32Array(rows.length * dimension);
  for (const [i, row] of rows.entries()) features.set(row, i * dimension);
  const chosen = (column: Int32Array) => Int32Array.from(embedded, (item) => column[item]);
  const { identities, cameras } = labels;
  const set = {
    count: rows.length,
    dimension,
    features,
    identities: chosen(identities),
    cameras: chosen(cameras),
  };
  return checked({ set, names: embedded.map((item) => pictures[item].name), broken, modelVersion });
}

function checked(found: EmbeddedPictures): EmbeddedPictures {
  if (found.set.count > 0) return found;
  const [{ name, reason }] = found.broken;
  throw new Error(
    `None of the ${found.broken.length} pictures could be embedded. The first, ${name}: ${reason}`,
  );
}
