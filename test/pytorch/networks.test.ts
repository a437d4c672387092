import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readBundle } from '../../shared/bundle/bundle.ts';
import { preprocess } from '../../shared/images/preprocess.ts';
import { compiledFeatures } from '../../shared/inference/compiled-features.ts';
import { type MakeFeatures, ServingModel } from '../../shared/models/serving.ts';
import { tensorFeatures } from '../../shared/models/tensor-features.ts';
import { decodeFile } from '../../training/loading/decode.ts';
import { expectAllClose } from '../allclose.ts';
import { startBackend } from '../backends.ts';
import { runCli } from '../command-line.ts';
import { dataPath, hasData, readData } from '../data.ts';
import { inferenceEngine } from '../inference-engine.ts';
import { type FloatTensor, hasPyTorch, readTensors, runScript } from './pytorch.ts';

/** Photographs and a drawing, smaller and larger than the networks' inputs, square and not. */
const GROCERY = 'val/Fruit/Apple/Golden-Delicious/Golden-Delicious_001.jpg';
const OTHERS = ['pillow/flower.jpg', 'libjpeg-turbo/vgl_5674_0098.png'];

const needed = ['grocery-store/val.zip', ...OTHERS.map((name) => `decoder-images/${name}`)];

/** The crop of torchvision's classification networks. */
const CROP = ['--input', '224x224', '--shorter-side', '256'];

const networks: readonly (readonly [reference: string, architecture: string, parameters: string[]])[] = [
  ['torchvision-resnet50', 'resnet50', CROP],
  ['torchvision-mobilenet_v2', 'mobilenet_v2', CROP],
  ['torchreid-osnet_x1_0', 'osnet_x1_0', []],
  ['torchreid-osnet_x0_25', 'osnet_x0_25', []],
  ['torchreid-osnet_ain_x1_0', 'osnet_ain_x1_0', []],
  ['ibn-net-resnet50_ibn_a', 'resnet50_ibn_a', CROP],
  ['fast-reid-bot', 'resnet50', []],
  ['fast-reid-agw', 'resnet50_gem', []],
  ['fast-reid-agw-fixed', 'resnet50_gem', []],
  ['strong-baseline', 'resnet50', []],
  ['strong-baseline-ibn', 'resnet50_ibn_a', []],
  ['agw', 'resnet50_gem', []],
];

/** Of both kinds of serving: weights that stay, and weights that are expanded layer by layer. */
const packed = [
  ['torchreid-osnet_x0_25', 'osnet_x0_25', 'f16'],
  ['torchreid-osnet_x0_25', 'osnet_x0_25', 'int8'],
  ['torchvision-resnet50', 'resnet50', 'int8'],
] as const;

let folder: string;
let pictures: string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'softmargin-pytorch-'));
  if (!hasPyTorch || !hasData(...needed)) return;
  await startBackend('wasm');
  mkdirSync(join(folder, 'pictures'));
  const archive = unzipSync(readData('grocery-store/val.zip'));
  writeFileSync(join(folder, 'pictures', basename(GROCERY)), archive[GROCERY]);
  for (const name of OTHERS) {
    copyFileSync(dataPath(`decoder-images/${name}`), join(folder, 'pictures', basename(name)));
  }
  pictures = readdirSync(join(folder, 'pictures'))
    .toSorted()
    .map((name) => join(folder, 'pictures', name));
}, 60_000);

afterAll(() => rm(folder, { recursive: true }));

/** Imports the weights that a script left in the folder, in a process of its own, as a user does. */
async function importWeights(architecture: string, parameters: readonly string[]) {
  const bundle = join(folder, 'bundle.safetensors');
  const weights = join(folder, 'weights.safetensors');
  const command = ['import', weights, '--architecture', architecture, ...parameters, '-o', bundle];
  const { code, err } = await runCli(command);
  expect(code, err).toBe(0);
  return readBundle(readFileSync(bundle));
}

type Imported = Awaited<ReturnType<typeof importWeights>>;

/** Runs what a bundle's model gives. */
async function withModel<T>(
  bundle: Imported,
  makeFeatures: MakeFeatures,
  use: (model: ServingModel) => Promise<T>,
): Promise<T> {
  const model = ServingModel.load(bundle, makeFeatures);
  try {
    return await use(model);
  } finally {
    model.dispose();
  }
}

/** Relative to the largest number of each row. */
function expectRowsClose(found: Float32Array, expected: Float32Array, dimension: number, what: string): void {
  const scaled = (rows: Float32Array) =>
    rows.map((value, i) => {
      const first = i - (i % dimension);
      return value / Math.max(...expected.subarray(first, first + dimension).map(Math.abs));
    });
  expect(found.length, what).toBe(expected.length);
  expectAllClose(scaled(found), scaled(expected), 1e-4, what);
}

function toUnitLength(rows: Float32Array, dimension: number): Float32Array {
  return rows.map((value, i) => {
    const first = i - (i % dimension);
    return value / Math.hypot(...rows.subarray(first, first + dimension));
  });
}

/** What a script makes of the pictures: its weights stay in the folder. */
function referenceOf(name: string) {
  runScript('network_features.py', [name, folder, ...pictures]);
  const read = readTensors(join(folder, 'reference.safetensors'));
  const [images, features] = ['images', 'features'].map((tensor) => read.get(tensor) as FloatTensor);
  return { images: images.data, features: features.data, dimension: features.shape[1] };
}

/** Our decoding and preprocessing of the pictures. */
async function prepared({ manifest }: Imported): Promise<Float32Array> {
  const { height, width, channels } = manifest.input;
  const images = new Float32Array(pictures.length * height * width * channels);
  for (const [i, path] of pictures.entries()) {
    images.set(preprocess(await decodeFile(path), manifest), i * height * width * channels);
  }
  return images;
}

describe.skipIf(!hasPyTorch || !hasData(...needed))('PyTorch', { timeout: 300_000 }, () => {
  test.each(networks)('%s imported as %s has the same features', async (name, architecture, parameters) => {
    const { images, features, dimension } = referenceOf(name);
    const bundle = await importWeights(architecture, parameters);
    const { length } = pictures;
    // By tfjs of the pixels that Pillow and torchvision made of the files; by the Worker's kernels of our own.
    const byTensors = await withModel(bundle, tensorFeatures, (model) => model.features(images, length));
    expectRowsClose(byTensors, features, dimension, `features of ${name} by tfjs`);
    const ours = await prepared(bundle);
    const kernels = compiledFeatures(inferenceEngine());
    const byKernels = await withModel(bundle, kernels, (model) => model.features(ours, length));
    expectRowsClose(byKernels, features, dimension, `features of ${name} by the kernels`);
  });

  test.each(packed)('%s, packed as %s, drifts as its manifest says', async (name, architecture, type) => {
    const { features, dimension } = referenceOf(name);
    const parameters = ['--weights', type, '--calibrate', join(folder, 'pictures')];
    const crop = name.startsWith('torchvision') ? CROP : [];
    const bundle = await importWeights(architecture, [...crop, ...parameters]);
    const ours = await prepared(bundle);
    const found = await withModel(bundle, compiledFeatures(inferenceEngine()), (model) =>
      model.embed(ours, pictures.length),
    );
    const expected = toUnitLength(features, dimension);
    const distances = pictures.map((_, picture) => {
      const row = (rows: Float32Array) => rows.subarray(picture * dimension, (picture + 1) * dimension);
      return 1 - row(found).reduce((sum, value, k) => sum + value * row(expected)[k], 0);
    });
    const { drift } = bundle.manifest.weights as { drift: { mean: number; largest: number; count: number } };
    expect(drift.count).toBe(pictures.length);
    expect(Math.abs(drift.mean - distances.reduce((sum, d) => sum + d) / distances.length)).toBeLessThan(
      1e-6,
    );
    expect(Math.abs(drift.largest - Math.max(...distances))).toBeLessThan(1e-6);
  });
});
