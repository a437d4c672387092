import { preprocess } from '@softmargin/shared/images/preprocess.ts';
import type { ServingModel } from '@softmargin/shared/models/serving.ts';
import { PICTURES_PER_PASS } from '../limits.ts';
import { PictureDecoder, PictureError } from './decode.ts';

/** A picture as it arrived: its bytes, or what was wrong with how they were written down. */
export type PictureFile = Uint8Array | PictureError;

export interface Embeddings {
  /** By picture: its embedding, of unit length, or what is wrong with it. */
  readonly results: readonly (Float32Array | PictureError)[];
  /** Milliseconds. Away from a local server a Worker's clock stands still while it computes. */
  readonly decodeTime: number;
  readonly embedTime: number;
}

/** Embeds pictures. One that cannot be decoded is reported in its place and does not sink the others. */
export async function embedPictures(model: ServingModel, files: readonly PictureFile[]): Promise<Embeddings> {
  const { manifest } = model;
  const { input, embedding } = manifest;
  const decoder = new PictureDecoder();
  const results: (Float32Array | PictureError)[] = [];
  let decodeTime = 0;
  let embedTime = 0;
  for (let first = 0; first < files.length; first += PICTURES_PER_PASS) {
    const started = performance.now();
    const images: Float32Array[] = [];
    const places: number[] = [];
    for (const [i, file] of files.slice(first, first + PICTURES_PER_PASS).entries()) {
      const image = await decodeTo(decoder, file, (picture) => preprocess(picture, manifest));
      if (image instanceof PictureError) {
        results[first + i] = image;
      } else {
        images.push(image);
        places.push(first + i);
      }
    }
    const decoded = performance.now();
    decodeTime += decoded - started;

    if (images.length > 0) {
      const size = input.height * input.width * input.channels;
      const pass = new Float32Array(images.length * size);
      for (const [i, image] of images.entries()) pass.set(image, i * size);
      const rows = await model.embed(pass, images.length);
      const { dimension } = embedding;
      for (const [i, place] of places.entries()) {
        results[place] = rows.subarray(i * dimension, (i + 1) * dimension);
      }
    }
    embedTime += performance.now() - decoded;
  }
  return { results, decodeTime, embedTime };
}

async function decodeTo<R>(
  decoder: PictureDecoder,
  file: PictureFile,
  use: (picture: Awaited<ReturnType<PictureDecoder['decode']>>) => R,
): Promise<R | PictureError> {
  if (file instanceof PictureError) return file;
  try {
    return use(await decoder.decode(file));
  } catch (error) {
    if (error instanceof PictureError) return error;
    throw error;
  }
}
