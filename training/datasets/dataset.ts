import type { ProtocolName } from '@softmargin/shared/metrics/protocols.ts';
import { createRandom } from '@softmargin/shared/random.ts';
import { indicesByIdentity } from '@softmargin/shared/sets/identities.ts';

/** What is known of every picture, as columns: item i is the i-th entry of each. */
export interface Labelled {
  readonly name: string;
  readonly count: number;
  /** As the data set labels them: any integers. The classes of a training set are `classIndices` of them. */
  readonly identities: Int32Array;
  readonly cameras: Int32Array;
  /** A track or a sequence, where the data set has them. */
  readonly groups?: Int32Array;
}

/** Labelled pictures of one size, in memory: 8-bit, row-major, channels interleaved, one after the other. */
export interface ImageDataset extends Labelled {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  readonly pixels: Uint8Array;
}

/** Labelled picture files of any size; they are decoded when they are needed. */
export interface FileDataset extends Labelled {
  /** Item i's file. */
  readonly paths: readonly string[];
}

export type Dataset = ImageDataset | FileDataset;

/** Queries, a gallery, and how the queries are ranked against it. */
export interface RankingSplit {
  readonly query: Dataset;
  /** The same object as `query` where each picture is ranked against the others (protocol `all`). */
  readonly gallery: Dataset;
  readonly protocol: ProtocolName;
}

/** A data set, told apart into what it is trained, validated and tested on. */
export interface DatasetSplit {
  readonly name: string;
  /** How the parts were told apart, in words. */
  readonly description: string;
  readonly train: Dataset;
  /** Held out of the training pictures, to choose between checkpoints and settings. */
  readonly validation?: RankingSplit;
  /** The published test part; missing where its files are not there. */
  readonly test?: RankingSplit;
  /** What looks wrong with the files, such as a count that is not the published one. */
  readonly warnings: readonly string[];
}

/** The words that name item `index` to a person: its path, or its place in the set. */
export function itemName(dataset: Dataset, index: number): string {
  return 'paths' in dataset ? dataset.paths[index] : `${dataset.name} #${index}`;
}

/** The classes 0 to C − 1 of a training set's items, in ascending order of the identities. */
export function classIndices(identities: Int32Array): Int32Array {
  const ascending = [...new Set(identities)].sort((a, b) => a - b);
  const classOf = new Map(ascending.map((identity, index) => [identity, index]));
  return identities.map((identity) => classOf.get(identity) as number);
}

/** Pictures to train on and pictures to test on. */
export interface Split {
  readonly train: ImageDataset;
  readonly test: ImageDataset;
  /** How the two were told apart, in words. */
  readonly description: string;
}

/** The items at the given indices, in that order. */
export function subset<Kind extends Dataset>(dataset: Kind, indices: ArrayLike<number>): Kind {
  const { identities, cameras, groups } = dataset;
  const chosen = (column: Int32Array) => Int32Array.from(indices, (index) => column[index]);
  return {
    ...dataset,
    count: indices.length,
    identities: chosen(identities),
    cameras: chosen(cameras),
    ...(groups && { groups: chosen(groups) }),
    ...('paths' in dataset
      ? { paths: Array.from(indices, (index) => dataset.paths[index]) }
      : { pixels: chosenPixels(dataset, indices) }),
  };
}

function chosenPixels(dataset: ImageDataset, indices: ArrayLike<number>): Uint8Array {
  const size = dataset.height * dataset.width * dataset.channels;
  const pixels = new Uint8Array(indices.length * size);
  for (let i = 0; i < indices.length; i++) {
    pixels.set(dataset.pixels.subarray(indices[i] * size, (indices[i] + 1) * size), i * size);
  }
  return pixels;
}

/**
 * Splits a set in two by picture, identity by identity: `fraction` of each identity's pictures, drawn by the
 * seed, go to the second part.
 */
export function splitByPicture<Kind extends Dataset>(
  dataset: Kind,
  fraction: number,
  seed: number,
): [Kind, Kind] {
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
