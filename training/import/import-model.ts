import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type BundleTensor, readBundle, writeBundle } from '@softmargin/shared/bundle/bundle.ts';
import type { Manifest } from '@softmargin/shared/bundle/manifest.ts';
import { packTensors, type WeightType } from '@softmargin/shared/bundle/packed-tensor.ts';
import type { Variant } from '@softmargin/shared/bundle/variant.ts';
import { architectureOf } from '@softmargin/shared/models/architecture-of.ts';
import { TOPOLOGY } from '@softmargin/shared/models/graph.ts';
import { loadStateDict, StateDictError, variantOf } from '@softmargin/shared/models/state-dict.ts';
import { createRandom } from '@softmargin/shared/random.ts';
import { listPictures } from '../datasets/picture-files.ts';
import { generatedPictures, weightDrift } from '../export/weight-drift.ts';
import { decodeFile } from '../loading/decode.ts';
import { UsageError } from '../terminal/exit-codes.ts';
import { importGraphModel } from './graph-model.ts';
import { importLayersModel } from './layers-model.ts';
import { readTfjsModel } from './tfjs-files.ts';

/** Above this many bytes of float32 weights a network does not stay in an isolate, and is served by layer. */
const RESIDENT_BYTES = 18 * 2 ** 20;

/** Pictures that a drift is measured on. */
const DRIFT_PICTURES = 32;

/** What `softmargin import` is asked for. */
export interface ImportRequest {
  /** A state dict as safetensors, or the `model.json` of TensorFlow.js. */
  readonly file: string;
  readonly name: string;
  /** Of a state dict. */
  readonly architecture?: string | undefined;
  readonly variant?: Variant;
  /** The layer of a TensorFlow.js model that the embedding is the output of. */
  readonly output?: string | undefined;
  readonly input?: { readonly height: number; readonly width: number } | undefined;
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
  readonly shorterSide?: number | undefined;
  readonly distance: Manifest['embedding']['distance'];
  readonly weights: WeightType;
  /** A folder of pictures to measure the drift of packed weights on. */
  readonly calibrate?: string | undefined;
}

export interface ImportedModel {
  readonly bytes: Uint8Array;
  readonly manifest: Manifest;
  readonly sha256: string;
  /** Entries of a state dict that were of no use, and parameters that it did not have. */
  readonly ignored: readonly string[];
  readonly initialised: readonly string[];
}

/**
 * Makes a bundle of a network that was trained elsewhere. A tfjs backend has to be started.
 *
 * @throws {StateDictError} with all that is missing, unexpected or misshapen in a state dict.
 * @throws {Error} for a TensorFlow.js model with a layer that is not supported, naming it.
 */
export async function importModel(request: ImportRequest): Promise<ImportedModel> {
  const source = request.file.endsWith('.json') ? await fromTfjs(request) : await fromStateDict(request);
  const { parameters, ignored, initialised, ...network } = source;
  const f32Bytes = [...parameters.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
  const plain: Manifest = {
    format: 1,
    name: request.name,
    ...network,
    preprocessing: {
      resize: 'bilinear-antialiased',
      ...(request.shorterSide !== undefined && { shorterSide: request.shorterSide }),
      invert: 'never',
      mean: channelsOf(request.mean, network.input.channels),
      deviation: channelsOf(request.deviation, network.input.channels),
    },
    embedding: { dimension: source.embedding.dimension, distance: request.distance },
    recipe: { imported: { file: basename(request.file) } },
    dataset: { name: 'unknown', trainImages: 0, testImages: 0, identities: 0, split: 'unknown' },
    scores: {},
    ...(request.weights === 'f32' && f32Bytes <= RESIDENT_BYTES
      ? {}
      : {
          weights: {
            type: request.weights,
            serving: f32Bytes > RESIDENT_BYTES ? ('by-layer' as const) : ('resident' as const),
          },
        }),
  };
  const packed = packTensors(parameters, request.weights);
  const manifest = await withDrift(plain, parameters, packed, request.calibrate);
  const bytes = await writeBundle(manifest, packed);
  const { manifest: written, sha256 } = await readBundle(bytes);
  return { bytes, manifest: written, sha256, ignored, initialised };
}

type Source = Pick<Manifest, 'architecture' | 'input' | 'variant' | 'topology'> & {
  readonly embedding: { readonly dimension: number };
  readonly parameters: Map<string, BundleTensor>;
  readonly ignored: readonly string[];
  readonly initialised: readonly string[];
};

async function fromStateDict({
  file,
  architecture: name,
  variant: asked,
  input,
}: ImportRequest): Promise<Source> {
  if (name === undefined)
    throw new UsageError('--architecture is needed: it names the network that a state dict is of.');
  const bytes = await readFile(file);
  const definition = architectureOf({ architecture: name, input: { height: 1, width: 1, channels: 3 } });
  const variant = variantOf(definition, bytes, asked);
  const varied = { architecture: name, ...(variant && { variant }) };
  const size = { ...definition.input, ...input };
  const architecture = architectureOf({ ...varied, input: size });
  const { parameters, ignored, initialised } = loadStateDict(architecture, bytes, createRandom(1));
  // A neck that was asked for and is not there would be a guess; only the exponent of a fixed pooling may be missing.
  const guessed = initialised.filter((parameter) => parameter !== 'pool.p');
  if (guessed.length > 0) {
    throw new StateDictError(
      `The state dict does not fit ${name}: missing: ${guessed.join(', ')}. --neck none leaves the neck out.`,
    );
  }
  return { ...varied, input: size, embedding: architecture, parameters, ignored, initialised };
}

async function fromTfjs({ file, output, input }: ImportRequest): Promise<Source> {
  const { kind, topology, weights } = await readTfjsModel(file);
  const read = kind === 'layers' ? importLayersModel : importGraphModel;
  const network = read(topology, weights, output);
  if (input !== undefined && (input.height !== network.input.height || input.width !== network.input.width)) {
    throw new Error(`The model takes ${network.input.height}×${network.input.width}, as its topology says.`);
  }
  return {
    architecture: TOPOLOGY,
    topology: network.topology,
    input: network.input,
    embedding: network,
    parameters: network.parameters,
    ignored: [],
    initialised: [],
  };
}

async function withDrift(
  manifest: Manifest,
  parameters: Map<string, BundleTensor>,
  packed: Map<string, BundleTensor>,
  folder: string | undefined,
): Promise<Manifest> {
  const { weights, input } = manifest;
  if (weights === undefined || weights.type === 'f32') return manifest;
  const given = folder === undefined ? undefined : await picturesOf(folder);
  const pictures = given ?? generatedPictures(DRIFT_PICTURES, input.height, input.width);
  const drift = await weightDrift(manifest, parameters, packed, pictures);
  return {
    ...manifest,
    weights: { ...weights, drift: { pictures: given ? 'given' : 'generated', ...drift } },
  };
}

/** Pictures of a folder, evenly from all of it. */
async function picturesOf(folder: string) {
  const paths = await listPictures(folder);
  if (paths.length === 0) throw new Error(`There are no pictures in ${folder}.`);
  const count = Math.min(DRIFT_PICTURES, paths.length);
  const chosen = Array.from({ length: count }, (_, i) => paths[Math.floor((i * paths.length) / count)]);
  return Promise.all(chosen.map((path) => decodeFile(join(folder, path))));
}

/** Checks that there is one value for each channel. */
function channelsOf(values: readonly number[], channels: number): number[] {
  if (values.length === channels) return [...values];
  throw new Error(`${values.length} channel values are given, where the network takes ${channels} channels.`);
}
