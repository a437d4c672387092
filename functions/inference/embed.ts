import { preprocess } from '@softmargin/shared/images/preprocess.ts';
import type { ServingModel } from '@softmargin/shared/models/serving.ts';
import { startBackend } from './backend.ts';
import { PictureError } from './decode.ts';
import type { Held } from './memory-budget.ts';
import { picturesPerPass } from './serving-memory.ts';

/** A picture as it arrived: its bytes, or what was wrong with how they were written down. */
export type PictureFile = Uint8Array | PictureError;

export interface Embeddings {
  /** By picture: its embedding, of unit length, or what is wrong with it. */
  readonly results: readonly (Float32Array | PictureError)[];
  /** Milliseconds. Away from a local server a Worker's clock stands still while it computes. */
  readonly times: { decode: number; preprocess: number; inference: number };
}

/**
 * Embeds pictures. One that cannot be decoded is reported in its place and does not sink the others.
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
  const { decoder, passes } = await startBackend();
  const results: (Float32Array | PictureError)[] = [];
  const times = { decode: 0, preprocess: 0, inference: 0 };
  const together = picturesPerPass(model.manifest);
  for (let first = 0; first < files.length; first += together) {
    const images: Float32Array[] = [];
    const places: number[] = [];
    for (const [i, file] of files.slice(first, first + together).entries()) {
      const started = performance.now();
      const picture = file instanceof PictureError ? file : await orError(decoder.decode(file, room));
      const decoded = performance.now();
      times.decode += decoded - started;
      if (picture instanceof PictureError) {
        results[first + i] = picture;
        continue;
      }
      images.push(preprocess(picture, model.manifest));
      places.push(first + i);
      times.preprocess += performance.now() - decoded;
    }
    if (images.length === 0) continue;
    const started = performance.now();
    const rows = await passes.embed(model, images, flip);
    for (const [i, place] of places.entries()) results[place] = rows[i];
    times.inference += performance.now() - started;
  }
  return { results, times };
}

/** Memory that a pass of pictures holds: each preprocessed, and all of them as the network's input. */
export function passBytes({ manifest }: ServingModel, pictures: number): number {
  const { input } = manifest;
  const values = input.height * input.width * input.channels;
  return 2 * Math.min(pictures, picturesPerPass(manifest)) * values * Float32Array.BYTES_PER_ELEMENT;
}

async function orError<R>(work: Promise<R>): Promise<R | PictureError> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof PictureError) return error;
    throw error;
  }
}
