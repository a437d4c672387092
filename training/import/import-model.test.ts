import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BundleTensor, readBundle } from '@softmargin/shared/bundle/bundle.ts';
import { HalfTensor } from '@softmargin/shared/bundle/packed-tensor.ts';
import { serialiseTensors, type TensorType } from '@softmargin/shared/bundle/safetensors.ts';
import type { Variant } from '@softmargin/shared/bundle/variant.ts';
import { architectureOf } from '@softmargin/shared/models/architecture-of.ts';
import { ServingModel } from '@softmargin/shared/models/serving.ts';
import { tensorFeatures } from '@softmargin/shared/models/tensor-features.ts';
import { createRandom } from '@softmargin/shared/random.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startBackend } from '../../test/backends.ts';
import { randomParameters } from '../../test/bundles.ts';
import { plainEmbedding } from '../../test/plain-layers.ts';
import { type ImportRequest, importModel } from './import-model.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'softmargin-import-'));
  await startBackend('wasm');
});

afterAll(() => rm(folder, { recursive: true }));

type Tensors = ReadonlyMap<string, BundleTensor>;

/** Writes a state dict as safetensors, floats in one type. */
async function save(tensors: Tensors, dtype: TensorType = 'F32'): Promise<string> {
  const file = join(folder, `${crypto.randomUUID()}.safetensors`);
  const raw = Array.from(tensors, ([name, { shape, data }]) => {
    const halves = dtype === 'F16' ? HalfTensor.from(name, { shape, data }).halves : data;
    const stored =
      dtype === 'BF16' ? new Uint16Array(new Uint32Array(data.buffer).map((bits) => bits >>> 16)) : halves;
    return [name, { dtype, shape, bytes: new Uint8Array(stored.buffer.slice(0)) }] as const;
  });
  await writeFile(file, serialiseTensors(new Map(raw), { format: 'pt' }));
  return file;
}

const request = (file: string, more: Partial<ImportRequest>): ImportRequest => ({
  ...{ file, name: 'imported', mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] },
  ...{ distance: 'cosine', weights: 'f32' },
  ...more,
});

/** Names as a file has them, by what ours begin with. */
function renamed(tensors: Tensors, names: readonly (readonly [string, string])[]): Tensors {
  return new Map(
    Array.from(tensors, ([name, tensor]) => {
      const [ours, theirs] = names.find(([prefix]) => name.startsWith(prefix)) ?? ['', ''];
      return [theirs + name.slice(ours.length), tensor];
    }),
  );
}

const FAST_REID = [
  ['neck.', 'heads.bottleneck.0.'],
  ['pool.p', 'heads.pool_layer.p'],
  ['', 'backbone.'],
] as const;
const STRONG_BASELINE = [
  ['neck.', 'bottleneck.'],
  ['', 'base.'],
] as const;
const AGW = [['pool.p', 'global_pool.p'], ...STRONG_BASELINE] as const;

/** A picture neither square nor a multiple of the strides. */
const SIZE = { height: 34, width: 19 };

async function expectPlain(
  architecture: string,
  variant: Variant | undefined,
  file: string,
  tensors: Tensors,
) {
  const { bytes, manifest } = await importModel(request(file, { architecture, input: SIZE }));
  expect(manifest.variant).toEqual(variant);
  const random = createRandom(5);
  const values = Array.from({ length: SIZE.height * SIZE.width * 3 }, () => Math.fround(random.normal()));
  const network = architectureOf({
    architecture,
    ...(variant && { variant }),
    input: { ...SIZE, channels: 3 },
  });
  const expected = plainEmbedding(network, { ...SIZE, channels: 3, values }, tensors);
  const model = ServingModel.load(await readBundle(bytes), tensorFeatures);
  const found = await model.features(Float32Array.from(values), 1);
  model.dispose();
  // Relative to the features as a whole, as PyTorch's own tests compare.
  const length = Math.hypot(...expected);
  const difference = Math.hypot(...expected.map((value, i) => value - found[i]));
  expect(difference / length).toBeLessThan(1e-4);
}

describe('a state dict', () => {
  test.each([
    ['torchvision', 'resnet50', { neck: 'none', lastStride: 2 }, []],
    ['torchvision', 'mobilenet_v2', { neck: 'none' }, []],
    ['torchreid', 'osnet_ain_x1_0', undefined, []],
    ['fast-reid’s BoT', 'resnet50', { stemPool: 'ceil' }, FAST_REID],
    ['fast-reid’s AGW', 'resnet50_gem', { stemPool: 'ceil', nonLocal: true }, FAST_REID],
    ['the strong baseline', 'resnet50', { stemActivation: 'none' }, STRONG_BASELINE],
    ['the strong baseline', 'resnet50_ibn_a', undefined, STRONG_BASELINE],
    ['AGW’s authors', 'resnet50_gem', { stemActivation: 'none', nonLocal: true }, AGW],
  ] as const)(
    'of %s, %s: gives the features of plain loops',
    { timeout: 300_000 },
    async (_, name, variant, names) => {
      const network = architectureOf({
        architecture: name,
        ...(variant && { variant }),
        input: { ...SIZE, channels: 3 },
      });
      const tensors = randomParameters(network, 7);
      // A non-local block is cubic in its input: five of them, with weights of this size, leave the range of floats.
      for (const [parameter, { data }] of tensors) {
        if (/^NL_.*(theta|phi|g)\.weight$/.test(parameter))
          for (const [i, value] of data.entries()) data[i] = 0.03 * value;
      }
      await expectPlain(
        name,
        variant,
        await save(names.length > 0 ? renamed(tensors, names) : tensors),
        tensors,
      );
    },
  );

  test.each(['F16', 'BF16'] as const)('in %s is read as the numbers it holds', async (dtype) => {
    const tensors = randomParameters(
      architectureOf({ architecture: 'osnet_x0_25', input: { ...SIZE, channels: 3 } }),
      1,
    );
    const file = await save(tensors, dtype);
    const { bytes } = await importModel(request(file, { architecture: 'osnet_x0_25' }));
    const read = (await readBundle(bytes)).tensors.get('conv1.conv.weight')?.data as Float32Array;
    const given = tensors.get('conv1.conv.weight')?.data as Float32Array;
    const precision = dtype === 'F16' ? 2 ** -11 : 2 ** -7;
    for (const [i, value] of given.entries()) {
      expect(Math.abs(read[i] - value)).toBeLessThanOrEqual(precision * Math.abs(value) + 1e-7);
    }
  });

  test('that does not fit is refused with all that is wrong', async () => {
    const network = architectureOf({ architecture: 'osnet_x0_25', input: { ...SIZE, channels: 3 } });
    const tensors = new Map(randomParameters(network, 1));
    tensors.delete('conv5.conv.weight');
    tensors.set('extra.weight', { shape: [1], data: Float32Array.of(1) });
    tensors.set('fc.0.bias', { shape: [3], data: Float32Array.of(1, 2, 3) });
    await expect(importModel(request(await save(tensors), { architecture: 'osnet_x0_25' }))).rejects.toThrow(
      'missing: conv5.conv.weight; unexpected: extra.weight; fc.0.bias has shape [3], not [512]',
    );
  });

  test('without the neck that was asked for is refused', async () => {
    const network = architectureOf({
      architecture: 'mobilenet_v2',
      variant: { neck: 'none' },
      input: { ...SIZE, channels: 3 },
    });
    const file = await save(randomParameters(network, 1));
    const asked = request(file, { architecture: 'mobilenet_v2', variant: { neck: 'batch-normalisation' } });
    await expect(importModel(asked)).rejects.toThrow('--neck none leaves the neck out');
  });
});

describe('packed weights', () => {
  test('the drift from float32 is measured and written down', async () => {
    const network = architectureOf({ architecture: 'osnet_x0_25', input: { ...SIZE, channels: 3 } });
    const file = await save(randomParameters(network, 1));
    const import_ = async (weights: 'f16' | 'int8') =>
      (await importModel(request(file, { architecture: 'osnet_x0_25', input: SIZE, weights }))).manifest
        .weights;
    const [half, whole] = [await import_('f16'), await import_('int8')];
    expect(half).toMatchObject({
      type: 'f16',
      serving: 'resident',
      drift: { pictures: 'generated', count: 32 },
    });
    expect(half?.drift?.largest).toBeLessThan(1e-4);
    expect(whole?.drift?.mean).toBeGreaterThan(half?.drift?.mean as number);
    expect(whole?.drift?.largest).toBeLessThan(0.05);
  });
});
