import { describe, expect, test } from 'vitest';
import { randomParameters } from '../../test/bundles.ts';
import { type BundleTensor, serialiseSafetensors } from '../bundle/safetensors.ts';
import { createRandom } from '../random.ts';
import type { Architecture } from './layers.ts';
import { mobilenetV2 } from './mobilenet-v2.ts';
import { osnetX025 } from './osnet.ts';
import { resnet50Gem } from './resnet50.ts';
import { loadStateDict, StateDictError } from './state-dict.ts';

type Tensors = Map<string, BundleTensor>;

/** A state dict as safetensors, with PyTorch's counts of batches (I64 without a shape) at its end. */
function stateDict(tensors: Tensors, counts: string[] = []): Uint8Array {
  const bytes = serialiseSafetensors({ tensors, metadata: { format: 'pt' } });
  if (counts.length === 0) return bytes;
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const data = bytes.subarray(8 + length);
  for (const [index, name] of counts.entries()) {
    const begin = data.length + 8 * index;
    header[name] = { dtype: 'I64', shape: [], data_offsets: [begin, begin + 8] };
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const file = new Uint8Array(8 + text.length + data.length + 8 * counts.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  file.set(data, 8 + text.length);
  return file;
}

const tensor = (...shape: number[]): BundleTensor => ({
  shape,
  data: new Float32Array(shape.reduce((product, length) => product * length, 1)).fill(1),
});

/** Quicker by far than an expectation on millions of numbers. */
const sameNumbers = (found: BundleTensor | undefined, data: Float32Array) =>
  found?.data.length === data.length && found.data.every((value, i) => value === data[i]);

/** The parameters of a network without its head. */
function backbone(architecture: Architecture): Tensors {
  const all = randomParameters(architecture, 1);
  const head = architecture.head ?? [];
  return new Map([...all].filter(([name]) => !head.some((prefix) => name.startsWith(prefix))));
}

const load = (architecture: Architecture, bytes: Uint8Array) =>
  loadStateDict(architecture, bytes, createRandom(1));

describe('loadStateDict', () => {
  test('torchreid: all there, the classifier and the counts of batches ignored', () => {
    const tensors = randomParameters(osnetX025, 1);
    const given = new Map(tensors)
      .set('classifier.weight', tensor(751, 512))
      .set('classifier.bias', tensor(751));
    const { parameters, ignored, initialised } = load(
      osnetX025,
      stateDict(given, ['conv1.bn.num_batches_tracked', 'fc.1.num_batches_tracked']),
    );
    expect(new Set(parameters.keys())).toEqual(new Set(tensors.keys()));
    for (const [name, { data }] of tensors) expect(sameNumbers(parameters.get(name), data), name).toBe(true);
    expect(ignored).toEqual([
      'classifier.weight',
      'classifier.bias',
      'conv1.bn.num_batches_tracked',
      'fc.1.num_batches_tracked',
    ]);
    expect(initialised).toEqual([]);
  });

  test('torchvision: the head starts neutral, the classifier is ignored', () => {
    const tensors = backbone(mobilenetV2);
    const given = new Map(tensors)
      .set('classifier.1.weight', tensor(10, 1280))
      .set('classifier.1.bias', tensor(10));
    const { parameters, ignored, initialised } = load(mobilenetV2, stateDict(given));
    expect(ignored).toEqual(['classifier.1.weight', 'classifier.1.bias']);
    expect(initialised).toEqual(['neck.weight', 'neck.bias', 'neck.running_mean', 'neck.running_var']);
    expect(new Set(parameters.get('neck.weight')?.data)).toEqual(new Set([1]));
    expect(new Set(parameters.get('neck.running_mean')?.data)).toEqual(new Set([0]));
    for (const [name, { data }] of tensors) expect(sameNumbers(parameters.get(name), data), name).toBe(true);
  });

  test('fast-reid and DataParallel: names without their wrappers, and its head as ours', () => {
    const tensors = backbone(resnet50Gem);
    const given: Tensors = new Map([...tensors].map(([name, value]) => [`module.backbone.${name}`, value]));
    for (const part of ['weight', 'bias', 'running_mean', 'running_var']) {
      given.set(`module.heads.bottleneck.0.${part}`, tensor(2048));
    }
    given.set('module.heads.pool_layer.p', tensor(1)).set('module.heads.weight', tensor(3, 2048));
    given.set('module.pixel_mean', tensor(1, 3, 1, 1));
    const { parameters, ignored, initialised } = load(resnet50Gem, stateDict(given));
    for (const [name, { data }] of tensors) expect(sameNumbers(parameters.get(name), data), name).toBe(true);
    expect(parameters.get('neck.bias')?.data[7]).toBe(1);
    expect(parameters.get('pool.p')?.data).toEqual(Float32Array.of(1));
    expect(ignored).toEqual(['module.heads.weight', 'module.pixel_mean']);
    expect(initialised).toEqual([]);
  });

  test('all that is wrong, at once', () => {
    const given = randomParameters(osnetX025, 1);
    given.delete('conv5.conv.weight');
    given.set('conv6.weight', tensor(2));
    given.set('fc.0.weight', tensor(256, 512));
    given.get('conv1.bn.bias')?.data.set([Number.NaN], 3);
    expect(() => load(osnetX025, stateDict(given))).toThrow(
      new StateDictError(
        'The state dict does not fit osnet_x0_25: missing: conv5.conv.weight; unexpected: conv6.weight; ' +
          'conv1.bn.bias holds a value that is not finite; fc.0.weight has shape [256,512], not [512,128].',
      ),
    );
  });

  test('a parameter of whole numbers, and one that is there twice', () => {
    const given = randomParameters(osnetX025, 1);
    const twice = new Map(given).set('module.fc.0.bias', tensor(512));
    expect(() => load(osnetX025, stateDict(twice))).toThrow('module.fc.0.bias is there twice, as fc.0.bias');
    given.delete('fc.0.bias');
    expect(() => load(osnetX025, stateDict(given, ['fc.0.bias']))).toThrow(
      'fc.0.bias is of type I64, not one of F32, F16, BF16; missing: fc.0.bias',
    );
  });

  test('weights of another width of the network', () => {
    expect(() => load(mobilenetV2, stateDict(randomParameters(osnetX025, 1)))).toThrow(StateDictError);
  });

  test('what is not safetensors', () => {
    expect(() => load(osnetX025, new Uint8Array(4))).toThrow('A safetensors file has at least 8 bytes');
  });
});
