import { describe, expect, test } from 'vitest';
import { expectAllClose } from '../../test/allclose.ts';
import { randomParameters } from '../../test/bundles.ts';
import { inferenceBuilds, inferenceEngine } from '../../test/inference-engine.ts';
import { plainEmbedding } from '../../test/plain-layers.ts';
import { architectures } from '../models/architectures.ts';
import type { Architecture } from '../models/layers.ts';
import { createRandom } from '../random.ts';
import { CompiledNetwork } from './compiled-network.ts';
import { EngineWeights } from './layer-weights.ts';

const builds = [
  ['relaxed SIMD', inferenceBuilds.relaxedSimd],
  ['SIMD', inferenceBuilds.simd],
] as const;

function caseOf(architecture: Architecture, count: number) {
  // Neither square nor a multiple of the strides, where the network takes any size.
  const [height, width] = architecture.resizable ? [34, 19] : [28, 28];
  const { channels } = architecture.input;
  const random = createRandom(1);
  const size = height * width * channels;
  const images = Float32Array.from({ length: count * size }, () => random.normal());
  const tensors = randomParameters(architecture, 2);
  return { architecture, size: { height, width, channels }, images, tensors };
}

// Of the four of ResNet, the one that has what the others have.
const names = [...architectures.keys()].filter(
  (name) => !name.startsWith('resnet50') || name === 'resnet50_ibn_a_gem',
);

const expectations = new Map<string, number[]>();

/** In plain loops, once for both builds. */
function expected({ architecture, size, images, tensors }: ReturnType<typeof caseOf>): number[] {
  const known = expectations.get(architecture.name);
  if (known !== undefined) return known;
  const values = plainEmbedding(architecture, { ...size, values: [...images] }, tensors);
  expectations.set(architecture.name, values);
  return values;
}

describe.each(builds)('with %s', (_, build) => {
  test.each(names)('%s embeds as plain loops do', { timeout: 120_000 }, (name) => {
    const given = caseOf(architectures.get(name) as Architecture, 1);
    const engine = inferenceEngine(build());
    const network = new CompiledNetwork(
      engine,
      given.architecture,
      given.size,
      (steps) => new EngineWeights(engine, steps, given.tensors),
    );
    const found = network.run(given.images, 1);
    const plain = expected(given);
    const largest = Math.max(...plain.map(Math.abs));
    expectAllClose(
      found.map((value) => value / largest),
      plain.map((value) => value / largest),
      1e-4,
      'features',
    );
    network.dispose();
    expect(engine.heldBytes).toBe(0);
  });
});

test.each(['osnet_x0_25', 'mobilenet_v2', 'conv4'])(
  '%s: a picture has one embedding, to the bit, alone or among others, and takes no more memory for them',
  { timeout: 120_000 },
  (name) => {
    const { architecture, size, images, tensors } = caseOf(architectures.get(name) as Architecture, 3);
    const engine = inferenceEngine();
    const network = new CompiledNetwork(
      engine,
      architecture,
      size,
      (steps) => new EngineWeights(engine, steps, tensors),
    );
    const weights = engine.heldBytes;
    const pixels = images.length / 3;
    const together = network.run(images, 3);
    const alone = [0, 1, 2].flatMap((i) => [
      ...network.run(images.subarray(i * pixels, (i + 1) * pixels), 1),
    ]);
    expect([...together]).toEqual(alone);
    expect(engine.mostBytes).toBe(weights + network.runBytes);
    expect(engine.heldBytes).toBe(weights);
  },
);
