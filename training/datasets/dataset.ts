import { createRandom } from '@softmargin/shared/random.ts';
import { indicesByIdentity } from '@softmargin/shared/sets/identities.ts';

/** Labelled pictures of one size, in memory: 8-bit, row-major, channels interleaved, one after the other. */
export interface ImageDataset {
  readonly name: string;
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  readonly count: number;
  readonly pixels: Uint8Array;
  readonly identities: Int32Array;
  readonly cameras: Int32Array;
}

/** Pictures to train on and pictures to test on. */
export interface Split {
  readonly train: ImageDataset;
  readonly test: ImageDataset;
  /** How the two were told apart, in words. */
  readonly description: string;
}

/** The pictures at the given indices, in that order. */
export function subset(dataset: ImageDataset, indices: ArrayLike<number>): ImageDataset {
  const size = dataset.height * dataset.width * dataset.channels;
  const pixels = new Uint8Array(indices.length * size);
  for (let i = 0; i < indices.length; i++) {
    pixels.set(dataset.pixels.subarray(indices[i] * size, (indices[i] + 1) * size), i * size);
  }
  return {
    ...dataset,
    count: indices.length,
    pixels,
    identities: Int32Array.from(indices, (index) => dataset.identities[index]),
    cameras: Int32Array.from(indices, (index) => dataset.cameras[index]),
  };
}

/**
 * Splits a set in two by picture, identity by identity: `fraction` of each identity's pictures, drawn by the
 * seed, go to the second part.
 */
export function splitByPicture(
  dataset: ImageDataset,
  fraction: number,
  seed: number,
): [ImageDataset, ImageDataset] {
  const first: number[] = [];
  const second: number[] = [];
  for (const [identity, indices] of indicesByIdentity(dataset.identities)) {
    const order = createRandom(seed, identity).permutation(indices.length);
    const taken = Math.round(indices.length * fraction);
    for (const [position, i] of order.entries()) (position < taken ? second : first).push(indices[i]);
  }
  const ascending = (a: number, b: number) => a - b;
  return [subset(dataset, first.sort(ascending)), subset(dataset, second.sort(ascending))];
}
