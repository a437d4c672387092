import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { expectAllClose } from '../../test/allclose.ts';
import { backends, startBackend } from '../../test/backends.ts';
import { exampleBundle } from '../../test/bundles.ts';
import { plainMnist2d, plainMnistWide } from '../../test/plain-network.ts';
import { read } from '../../test/read.ts';
import { type Bundle, BundleError, readBundle, writeBundle } from '../bundle/bundle.ts';
import { createRandom } from '../random.ts';
import { architectures } from './architectures.ts';
import { mnist2d } from './mnist-2d.ts';
import { mnistWide } from './mnist-wide.ts';
import { osnetX025 } from './osnet.ts';
import { ServingModel } from './serving.ts';
import { tensorFeatures } from './tensor-features.ts';
import { BatchStatistics, TrainingModel } from './training.ts';

const PIXELS = 28 * 28;

function randomImages(seed: number, count: number): Float32Array {
  const random = createRandom(seed);
  return Float32Array.from({ length: count * PIXELS }, () => random.normal());
}

const toUnit = (row: readonly number[]) => {
  const length = Math.hypot(...row);
  return row.map((value) => value / length);
};

const networks = [
  ['mnist-wide', mnistWide, plainMnistWide],
  ['mnist-2d', mnist2d, plainMnist2d],
] as const;

describe.each(backends)('on %s', (backend) => {
  beforeAll(() => startBackend(backend));

  describe.each(networks)('%s', (_, architecture, plain) => {
    test('embeds as the network written out in loops does', async () => {
      for (const seed of [1, 2]) {
        const bundle = exampleBundle(architecture, seed);
        const model = ServingModel.load(bundle, tensorFeatures);
        const images = randomImages(seed, 2);
        const found = await model.embed(images, 2);
        const expected = [0, 1].flatMap((i) =>
          toUnit(plain([...images.subarray(i * PIXELS, (i + 1) * PIXELS)], bundle.tensors)),
        );
        expectAllClose(found, expected, 1e-5, 'embeddings');
        model.dispose();
      }
    });

    test('with flip, embeds the mean of the features of a picture and of its mirror image', async () => {
      const bundle = exampleBundle(architecture, 4);
      const model = ServingModel.load(bundle, tensorFeatures);
      const images = randomImages(4, 2);
      const expected = [0, 1].flatMap((i) => {
        const image = [...images.subarray(i * PIXELS, (i + 1) * PIXELS)];
        const mirrored = image.map((_, p) => image[p - (p % 28) + 27 - (p % 28)]);
        const features = [plain(image, bundle.tensors), plain(mirrored, bundle.tensors)];
        return toUnit(features[0].map((value, k) => (value + features[1][k]) / 2));
      });
      expectAllClose(await model.embed(images, 2, true), expected, 1e-5, 'embeddings');
      model.dispose();
    });

    test('embeds as training does, where the running statistics are the batch’s', async () => {
      const bundle = exampleBundle(architecture, 3);
      const images = randomImages(3, 6);
      const training = new TrainingModel(architecture, bundle.tensors);
      const statistics = new BatchStatistics();
      const trained = await read(() => {
        const features = training.embed(tf.tensor4d(images, [6, 28, 28, 1]), statistics);
        return tf.div(features, tf.norm(features, 2, 1, true));
      });
      const tensors = new Map(bundle.tensors);
      for (const [name, { mean, variance }] of statistics.collected) {
        const shape = mean.shape;
        tensors.set(`${name}.running_mean`, { shape, data: (await mean.data()) as Float32Array });
        tensors.set(`${name}.running_var`, { shape, data: (await variance.data()) as Float32Array });
      }
      const serving = ServingModel.load({ ...bundle, tensors }, tensorFeatures);
      expectAllClose(await serving.embed(images, 6), trained, 1e-4, 'embeddings');
      statistics.dispose();
      training.dispose();
      serving.dispose();
    });

    test('an image has one embedding, alone or among others, the first time and the second', async () => {
      const model = ServingModel.load(exampleBundle(architecture), tensorFeatures);
      const images = randomImages(4, 5);
      const together = await model.embed(images, 5);
      for (let i = 0; i < 5; i++) {
        const alone = await model.embed(images.slice(i * PIXELS, (i + 1) * PIXELS), 1);
        const { dimension } = architecture;
        expectAllClose(alone, together.subarray(i * dimension, (i + 1) * dimension), 1e-6, 'embedding');
      }
      expect(await model.embed(images, 5)).toEqual(together);
      model.dispose();
    });

    test('no tensor is left behind', async () => {
      const before = tf.memory().numTensors;
      const model = ServingModel.load(exampleBundle(architecture), tensorFeatures);
      await model.embed(randomImages(5, 2), 2);
      const held = tf.memory().numTensors;
      await model.embed(randomImages(6, 2), 2);
      await model.embed(randomImages(7, 4), 4);
      expect(tf.memory().numTensors).toBe(held);
      model.dispose();
      expect(tf.memory().numTensors).toBe(before);
    });
  });

  test('an embedding of zeros stays zeros', async () => {
    const bundle = exampleBundle(mnist2d);
    for (const [name, { shape, data }] of bundle.tensors) {
      if (name.startsWith('embedding.')) {
        bundle.tensors.set(name, { shape, data: new Float32Array(data.length) });
      }
    }
    const model = ServingModel.load(bundle, tensorFeatures);
    expect([...(await model.embed(randomImages(8, 1), 1))]).toEqual([0, 0]);
    model.dispose();
  });

  test('a bundle that went through its bytes embeds the same', async () => {
    const bundle = exampleBundle(mnist2d);
    const read = await readBundle(await writeBundle(bundle.manifest, bundle.tensors));
    const [a, b] = [ServingModel.load(bundle, tensorFeatures), ServingModel.load(read, tensorFeatures)];
    const images = randomImages(9, 2);
    expect(await b.embed(images, 2)).toEqual(await a.embed(images, 2));
    expect(b.manifest).toEqual(bundle.manifest);
    expect(b.sha256).toBe(read.sha256);
    a.dispose();
    b.dispose();
  });
});

describe('load refuses', () => {
  function refusal(change: (bundle: Bundle) => Bundle): string {
    const before = tf.memory().numTensors;
    try {
      ServingModel.load(change(exampleBundle(mnistWide)), tensorFeatures);
    } catch (error) {
      expect(tf.memory().numTensors).toBe(before);
      if (error instanceof BundleError) return error.message;
      throw error;
    }
    throw new Error('The bundle was not refused.');
  }

  const withTensors = (change: (tensors: Bundle['tensors']) => void) =>
    refusal((bundle) => {
      change(bundle.tensors);
      return bundle;
    });

  test('an architecture it does not know, and names those it knows', () => {
    const message = refusal((bundle) => ({
      ...bundle,
      manifest: { ...bundle.manifest, architecture: 'resnet51' },
    }));
    expect(message).toBe(
      `The architecture "resnet51" is not one of ${[...architectures.keys()].join(', ')}.`,
    );
    expect(message).toContain('mnist-2d, mnist-wide, conv4, resnet50,');
  });

  test.each([
    [{ height: 32, width: 28, channels: 1 as const }, '32×28×1'],
    [{ height: 28, width: 27, channels: 1 as const }, '28×27×1'],
    [{ height: 28, width: 28, channels: 3 as const }, '28×28×3'],
  ])('another input size: %o', (input, shown) => {
    const message = refusal((bundle) => ({ ...bundle, manifest: { ...bundle.manifest, input } }));
    expect(message).toBe(`The manifest's input is ${shown}; mnist-wide takes 28×28×1.`);
  });

  test.each([
    [
      { height: 256, width: 128, channels: 1 as const },
      "The manifest's input is 256×128×1; osnet_x0_25 takes pictures of any size with 3 channels.",
    ],
    [
      { height: 8, width: 8, channels: 3 as const },
      "The manifest's input is 8×8×3: The pictures are too small for osnet_x0_25: average pooling has nothing left.",
    ],
  ])('an input that a resizable network cannot take: %o', (input, expected) => {
    const message = refusal(() => {
      const bundle = exampleBundle(osnetX025);
      return { ...bundle, manifest: { ...bundle.manifest, input } };
    });
    expect(message).toBe(expected);
  });

  test('another embedding dimension', () => {
    const message = refusal((bundle) => ({
      ...bundle,
      manifest: { ...bundle.manifest, embedding: { ...bundle.manifest.embedding, dimension: 64 } },
    }));
    expect(message).toBe("The manifest's embedding.dimension is 64; mnist-wide gives 32.");
  });

  test('missing tensors, all of them by name', () => {
    const message = withTensors((tensors) => {
      tensors.delete('bn1.bias');
      tensors.delete('neck.running_var');
    });
    expect(message).toBe('The tensors do not fit mnist-wide: missing: bn1.bias, neck.running_var.');
  });

  test('tensors it has no place for, even under names of Object.prototype', () => {
    const message = withTensors((tensors) => {
      tensors.set('classifier.weight', { shape: [1], data: Float32Array.of(1) });
      tensors.set('__proto__', { shape: [1], data: Float32Array.of(1) });
      tensors.set('constructor', { shape: [1], data: Float32Array.of(1) });
    });
    expect(message).toBe(
      'The tensors do not fit mnist-wide: unexpected: classifier.weight, __proto__, constructor.',
    );
  });

  test('tensors of another shape, with both shapes', () => {
    const message = withTensors((tensors) => {
      const data = new Float32Array(16 * 9);
      // HWIO instead of OIHW: the same numbers in another order.
      tensors.set('conv1.weight', { shape: [3, 3, 1, 16], data });
      tensors.set('bn2.bias', { shape: [32, 1], data: new Float32Array(32) });
    });
    expect(message).toBe(
      'The tensors do not fit mnist-wide: conv1.weight has shape [3,3,1,16], not [16,1,3,3]; ' +
        'bn2.bias has shape [32,1], not [32].',
    );
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('a weight of %d', (value) => {
    const message = withTensors((tensors) => tensors.get('conv3.weight')?.data.set([value], 100));
    expect(message).toBe('The tensors do not fit mnist-wide: conv3.weight holds a value that is not finite.');
  });

  test('all that is wrong, at once', () => {
    const message = withTensors((tensors) => {
      tensors.delete('bn1.bias');
      tensors.set('bn1.bais', { shape: [16], data: new Float32Array(16) });
      tensors.set('bn1.weight', { shape: [8], data: new Float32Array(8) });
    });
    expect(message).toBe(
      'The tensors do not fit mnist-wide: missing: bn1.bias; unexpected: bn1.bais; ' +
        'bn1.weight has shape [8], not [16].',
    );
  });
});
