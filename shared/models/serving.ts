import { type Bundle, BundleError, type BundleTensor } from '../bundle/bundle.ts';
import type { Manifest } from '../bundle/manifest.ts';
import { architectureOf } from './architecture-of.ts';
import { complaintsAbout } from './fit.ts';
import type { Architecture, InputSize } from './layers.ts';
import { structureOf } from './structure.ts';

/** Features of preprocessed images, however they are computed. */
export interface Features {
  /** @param images `count` images, one after the other. @returns a row for each, of any length. */
  embed(images: Float32Array, count: number): Promise<Float32Array>;
  dispose(): void;
}

/** How the features of a network that fits its bundle are computed. */
export type MakeFeatures = (
  architecture: Architecture,
  manifest: Manifest,
  tensors: ReadonlyMap<string, BundleTensor>,
) => Features;

/** A bundle's network ready to embed. */
export class ServingModel {
  readonly manifest: Manifest;
  readonly sha256: string;
  readonly #features: Features;

  private constructor(bundle: Bundle, features: Features) {
    this.manifest = bundle.manifest;
    this.sha256 = bundle.sha256;
    this.#features = features;
  }

  /**
   * Builds the network of a bundle: every parameter must be there with its shape, and nothing else.
   * Throws {@link BundleError}.
   *
   * @param makeFeatures `tensorFeatures` on tfjs's current backend, or `compiledFeatures` by the kernels of an
   * engine. What the one needs is not loaded with the other.
   */
  static load(bundle: Bundle, makeFeatures: MakeFeatures): ServingModel {
    const { manifest, tensors } = bundle;
    const architecture = architectureOf(manifest);
    checkFit(architecture, manifest, tensors);
    return new ServingModel(bundle, makeFeatures(architecture, manifest, tensors));
  }

  /**
   * Embeds preprocessed images.
   *
   * @param images `count` images as `preprocess` gives them, one after the other.
   * @param flip whether the features of each image and of its mirror image are averaged, as fast-reid's flip
   * test does, before they get unit length.
   * @returns `count` rows of `manifest.embedding.dimension` numbers, each row of unit length.
   */
  async embed(images: Float32Array, count: number, flip = false): Promise<Float32Array> {
    const features = await this.features(images, count);
    if (flip) {
      // The sum has the direction of the mean, and a length that is gone in the next line.
      const mirrored = await this.features(mirror(images, this.manifest.input), count);
      for (let i = 0; i < features.length; i++) features[i] += mirrored[i];
    }
    return toUnitLength(features, count);
  }

  /** The features of preprocessed images as the network gives them: `embed` before they get unit length. */
  async features(images: Float32Array, count: number): Promise<Float32Array> {
    return this.#features.embed(images, count);
  }

  /** Frees the weights. The model cannot be used afterwards. */
  dispose(): void {
    this.#features.dispose();
  }
}

/** Each picture with its columns in reverse. */
function mirror(images: Float32Array, { width, channels }: InputSize): Float32Array {
  const mirrored = new Float32Array(images.length);
  const row = width * channels;
  for (let from = 0; from < images.length; from += channels) {
    const column = (from % row) / channels;
    const to = from - (from % row) + (width - 1 - column) * channels;
    for (let c = 0; c < channels; c++) mirrored[to + c] = images[from + c];
  }
  return mirrored;
}

/** Scales rows to unit length, in place; a row of zeros stays one. */
function toUnitLength(rows: Float32Array, count: number): Float32Array {
  const dimension = rows.length / count;
  for (let start = 0; start < rows.length; start += dimension) {
    const row = rows.subarray(start, start + dimension);
    const squares = row.reduce((sum, value) => sum + value * value, 0);
    const length = Math.max(Math.sqrt(squares), 1e-12);
    for (let i = 0; i < dimension; i++) row[i] /= length;
  }
  return rows;
}

function checkFit(
  architecture: Architecture,
  manifest: Manifest,
  tensors: ReadonlyMap<string, BundleTensor>,
): void {
  const { dimension } = architecture;
  checkInput(architecture, manifest);
  if (manifest.embedding.dimension !== dimension) {
    throw new BundleError(
      `The manifest's embedding.dimension is ${manifest.embedding.dimension}; ${architecture.name} gives ${dimension}.`,
    );
  }

  const complaints = complaintsAbout(architecture, tensors);
  if (complaints.length > 0) {
    throw new BundleError(`The tensors do not fit ${architecture.name}: ${complaints.join('; ')}.`);
  }
}

function checkInput(architecture: Architecture, { input }: Manifest): void {
  const { name, resizable } = architecture;
  const { height, width, channels } = architecture.input;
  const shown = `The manifest's input is ${input.height}×${input.width}×${input.channels}`;
  if (resizable && input.channels === channels) {
    try {
      structureOf(architecture, input);
    } catch (cause) {
      throw new BundleError(`${shown}: ${(cause as Error).message}`, { cause });
    }
  } else if (input.height !== height || input.width !== width || input.channels !== channels) {
    const taken = resizable
      ? `pictures of any size with ${channels} channels`
      : `${height}×${width}×${channels}`;
    throw new BundleError(`${shown}; ${name} takes ${taken}.`);
  }
}
