import { preprocess } from '@softmargin/shared/images/preprocess.ts';
import type { ServingModel } from '@softmargin/shared/models/serving.ts';
import { startBackend } from './backend.ts';
import { PictureError } from './decode.ts';
import type { Held } from './memory-budget.ts';

/** A picture as it arrived: its bytes, or what was wrong with how they were written down. */
export type PictureFile = Uint8Array | PictureError;

export interface Embeddings {
  /** By picture: its embedding, of unit length, or what is wrong with it. */
  readonly results: readonly (Float32Array | PictureError)[];
  /** Milliseconds. Away from a local server a Worker's clock stands still while it computes. */
  readonly times: { decode: number; preprocess: number; inference: number };
}

/**
 * Embeds pictures one after the other: together the engine computes them no faster. One that cannot be decoded is
 * reported in its place and does not sink the others.
 *
 * @param room is told of what decoding each picture takes, and may refuse.
 * @param flip whether each picture and its mirror image are averaged; as the manifest says, unless given.
 */
export async function embedPictures(
  model: ServingModel,
  files: readonly PictureFile[],
  flip: boolean = model.manifest.embedding.flip ?? false,
  room: Held['decoding'] = () => {},
): Promise<Embeddings> {
  const { decoder } = await startBackend();
  const results: (Float32Array | PictureError)[] = [];
  const times = { decode: 0, preprocess: 0, inference: 0 };
  for (const file of files) {
    const started = performance.now();
    const picture = file instanceof PictureError ? file : await orError(decoder.decode(file, room));
    const decoded = performance.now();
    times.decode += decoded - started;
    if (picture instanceof PictureError) {
      results.push(picture);
      continue;
    }
    const image = preprocess(picture, model.manifest);
    const preprocessed = performance.now();
    times.preprocess += preprocessed - decoded;
    results.push(await model.embed(image, 1, flip));
    times.inference += performance.now() - preprocessed;
  }
  return { results, times };
}

async function orError<R>(work: Promise<R>): Promise<R | PictureError> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof PictureError) return error;
    throw error;
  }
}
