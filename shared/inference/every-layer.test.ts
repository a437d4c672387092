import { describe, expect, test } from 'vitest';
import { expectAllClose } from '../../test/allclose.ts';
import { exampleManifest, randomParameters } from '../../test/bundles.ts';
import { inferenceBuilds, inferenceEngine } from '../../test/inference-engine.ts';
import { plainEmbedding } from '../../test/plain-layers.ts';
import type { BundleTensor } from '../bundle/bundle.ts';
import { packTensors, type WeightType, weightTypes } from '../bundle/packed-tensor.ts';
import type { Topology } from '../bundle/topology.ts';
import type { Variant } from '../bundle/variant.ts';
import { architectureOf } from '../models/architecture-of.ts';
import { TOPOLOGY } from '../models/graph.ts';
import type { Architecture, Layers, Sides } from '../models/layers.ts';
import { structureOf } from '../models/structure.ts';
import { createRandom } from '../random.ts';
import { CompiledNetwork } from './compiled-network.ts';
import { EngineWeights, type FilterServing } from './layer-weights.ts';
import { networkBytes } from './network-bytes.ts';

const builds = [
  ['relaxed SIMD', inferenceBuilds.relaxedSimd],
  ['SIMD', inferenceBuilds.simd],
] as const;

const sides = (top: number, right: number, bottom: number, left: number): Sides => ({
  ...{ top, right, bottom, left },
});

const input = { height: 14, width: 11, channels: 3 } as const;

function network(name: string, embed: Architecture['embed']): Architecture {
  const open = { name, input, dimension: 0, embed };
  return { ...open, dimension: structureOf(open, input, 'any').at(-1)?.output[2] as number };
}

const depthwise = <T>(layers: Layers<T>, map: T, kernel: number, stride: number, padding: Sides): T =>
  layers.convolution(map, {
    ...{
      name: `d${kernel}${stride}${Object.values(padding).join('')}`,
      filters: 10,
      kernel,
      stride,
      padding,
    },
    ...{ depthwise: true, normalisation: `n${kernel}${stride}${Object.values(padding).join('')}` },
    activation: { kind: 'relu6' },
  });

const stem = <T>(layers: Layers<T>, images: T): T =>
  layers.convolution(images, { name: 'stem', filters: 10, kernel: 1, activation: { kind: 'relu' } });

const end = <T>(layers: Layers<T>, map: T): T => layers.flatten(layers.globalAveragePool(map));

/** What no architecture has, or has for every picture alike. */
const networks = [
  ...[sides(0, 1, 1, 0), sides(2, 0, 0, 1), sides(0, 0, 3, 5), sides(4, 4, 4, 4)].flatMap((padding) =>
    [1, 2].flatMap((stride) => [
      network(`convolutions of 3×3 by ${stride}, padded by ${Object.values(padding)}`, (layers, images) =>
        end(
          layers,
          layers.convolution(images, {
            name: 'c',
            filters: 13,
            kernel: 3,
            stride,
            padding,
            normalisation: 'n',
          }),
        ),
      ),
      network(`convolutions of 1×1 by ${stride}, padded by ${Object.values(padding)}`, (layers, images) =>
        end(layers, layers.convolution(images, { name: 'c', filters: 9, kernel: 1, stride, padding })),
      ),
      ...[3, 5].map((kernel) =>
        network(
          `depthwise ${kernel}×${kernel} by ${stride}, padded by ${Object.values(padding)}`,
          (layers, images) => end(layers, depthwise(layers, stem(layers, images), kernel, stride, padding)),
        ),
      ),
    ]),
  ),
  ...[sides(1, 1, 1, 1), sides(0, 1, 0, 1), sides(1, 0, 1, 1)].flatMap((padding) =>
    [1, 2, 3].map((stride) =>
      network(`depthwise 3×3 by ${stride}, padded by ${Object.values(padding)}`, (layers, images) =>
        end(layers, depthwise(layers, stem(layers, images), 3, stride, padding)),
      ),
    ),
  ),
  ...[sides(0, 0, 0, 0), sides(1, 0, 0, 1), sides(0, 2, 1, 0)].flatMap((padding) =>
    [false, true].map((ceil) =>
      network(`max pooling, ceil ${ceil}, padded by ${Object.values(padding)}`, (layers, images) =>
        end(layers, layers.maxPool(images, 3, { stride: 2, padding, ceil })),
      ),
    ),
  ),
  network('a product that is used again, and PReLU of a depthwise convolution', (layers, images) => {
    const a = stem(layers, images);
    const b = layers.convolution(a, {
      ...{ name: 'b', filters: 10, kernel: 3, padding: 1, depthwise: true },
      activation: { kind: 'prelu', name: 'slopes' },
    });
    const product = layers.multiply(a, b);
    return end(layers, layers.add(layers.multiply(product, product), product));
  }),
];

const one = (name: string, from: string) => ({ name, inputs: [from] as [string] });
const listed: Topology = {
  layers: [
    {
      ...{ ...one('c', 'input'), kind: 'convolution', filters: 6, kernel: 3, stride: 2, bias: true },
      ...{ padding: sides(0, 1, 1, 0), depthwise: false, normalisation: 'n', activation: 'relu6' },
    },
    {
      ...{ ...one('d', 'c'), kind: 'convolution', filters: 6, kernel: 3, stride: 1, bias: false },
      ...{ padding: sides(1, 1, 1, 1), depthwise: true, activation: 'sigmoid' },
    },
    { name: 's', inputs: ['c', 'd', 'd'], kind: 'add' },
    { ...one('b', 's'), kind: 'batch-normalisation' },
    { ...one('r', 'b'), kind: 'activation', activation: 'relu' },
    { name: 'j', inputs: ['r', 'c', 'r'], kind: 'concatenate' },
    { ...one('m', 'j'), kind: 'max-pool', size: 2, stride: 2, padding: sides(0, 1, 1, 0) },
    { ...one('a', 'm'), kind: 'average-pool', size: 2 },
    { ...one('g', 'a'), kind: 'global-average-pool' },
    { ...one('l', 'g'), kind: 'linear', features: 5, bias: true },
  ],
};
const topology = architectureOf({ architecture: TOPOLOGY, topology: listed, input });

function picture(architecture: Architecture, size: { height: number; width: number }): Float32Array {
  const random = createRandom(1);
  const length = size.height * size.width * architecture.input.channels;
  return Float32Array.from({ length }, () => random.normal());
}

function embed(
  architecture: Architecture,
  size: { height: number; width: number },
  tensors: ReadonlyMap<string, BundleTensor>,
  serving: FilterServing,
  engine = inferenceEngine(),
): Float32Array {
  const full = { ...architecture.input, ...size };
  const compiled = new CompiledNetwork(
    engine,
    architecture,
    full,
    (steps) => new EngineWeights(engine, steps, tensors, serving),
  );
  expect(engine.heldBytes).toBe(networkBytes(architecture, full, serving).weights);
  const features = compiled.run(picture(architecture, size), 1);
  compiled.dispose();
  expect(engine.heldBytes).toBe(0);
  return features;
}

function expectPlain(
  architecture: Architecture,
  size: { height: number; width: number },
  engine = inferenceEngine(),
) {
  const tensors = randomParameters(architecture, 2);
  // A non-local block gives the cube of what it takes.
  for (const [name, { data }] of tensors) {
    if (/\.(theta|phi|g)\.weight$/.test(name)) for (let i = 0; i < data.length; i++) data[i] /= 100;
  }
  const found = embed(architecture, size, tensors, 'resident', engine);
  const values = [...picture(architecture, size)];
  const plain = plainEmbedding(architecture, { ...architecture.input, ...size, values }, tensors);
  const largest = Math.max(...plain.map(Math.abs));
  expectAllClose(
    found.map((value) => value / largest),
    plain.map((value) => value / largest),
    1e-4,
    'features',
  );
}

describe.each(builds)('with %s', (_, build) => {
  test.each([...networks, topology].map((each) => [each.name, each] as const))(
    '%s: as plain loops compute it',
    (_, architecture) => expectPlain(architecture, input, inferenceEngine(build())),
  );
});

const variants: [string, Variant][] = [
  ['resnet50', { stemPool: 'ceil', stemActivation: 'none', nonLocal: true, lastStride: 2, neck: 'none' }],
  ['mobilenet_v2', { neck: 'none' }],
];

test.each(variants)('%s in a variant: as plain loops compute it', { timeout: 120_000 }, (name, variant) => {
  const architecture = architectureOf({ ...exampleManifest(name), variant });
  expectPlain(architecture, { height: 34, width: 19 });
});

const packed = [topology, architectureOf(exampleManifest('osnet_x0_25'))].flatMap((architecture) =>
  weightTypes.map((type): [string, WeightType, Architecture] => [architecture.name, type, architecture]),
);

test.each(packed)(
  '%s with weights as %s: by layer, it embeds to the bit as with all of them in memory',
  (_, type, architecture) => {
    const size = architecture === topology ? input : { height: 34, width: 19 };
    const tensors = packTensors(randomParameters(architecture, 2), type);
    const resident = embed(architecture, size, tensors, 'resident');
    expect(embed(architecture, size, tensors, 'by-layer')).toEqual(resident);
    const bytes = (serving: FilterServing) =>
      networkBytes(architecture, { ...architecture.input, ...size }, serving).weights;
    expect(bytes('by-layer')).toBeLessThan(bytes('resident'));
  },
);
