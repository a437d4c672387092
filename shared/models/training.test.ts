import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { expectAllClose } from '../../test/allclose.ts';
import { backends, startBackend } from '../../test/backends.ts';
import { randomParameters } from '../../test/bundles.ts';
import { convolution, type PlainMap } from '../../test/plain-network.ts';
import { read } from '../../test/read.ts';
import { createRandom } from '../random.ts';
import { conv4 } from './conv4.ts';
import type { Architecture } from './layers.ts';
import { mnist2d } from './mnist-2d.ts';
import { mnistWide } from './mnist-wide.ts';
import { osnetX025 } from './osnet.ts';
import { parametersOf } from './parameters.ts';
import { BatchStatistics, initialParameters, TrainingModel } from './training.ts';

/** Small enough to be followed by hand, and neither square nor of one channel. */
const small: Architecture = {
  name: 'small',
  input: { height: 4, width: 3, channels: 3 },
  dimension: 2,
  embed(layers, images) {
    const map = layers.convolution(images, {
      name: 'conv',
      normalisation: 'bn',
      filters: 4,
      kernel: 3,
      padding: 1,
      activation: { kind: 'relu' },
    });
    return layers.flatten(
      layers.convolution(layers.maxPool(map, 3), { name: 'embedding', filters: 2, kernel: 1 }),
    );
  },
};

const BATCH = 5;

function randomImages(seed: number): PlainMap[] {
  const random = createRandom(seed);
  const { height, width, channels } = small.input;
  return Array.from({ length: BATCH }, () => ({
    height,
    width,
    channels,
    values: Array.from({ length: height * width * channels }, () => Math.fround(random.normal())),
  }));
}

const toTensor = (images: PlainMap[]) =>
  tf.tensor4d(
    images.flatMap(({ values }) => values),
    [BATCH, small.input.height, small.input.width, small.input.channels],
  );

describe.each(backends)('on %s', (backend) => {
  beforeAll(() => startBackend(backend));

  test.each([mnist2d, mnistWide, small, conv4, osnetX025])(
    'the tensors of $name come back as they went in',
    async (network) => {
      const tensors = randomParameters(network, 1);
      const model = new TrainingModel(network, tensors);
      expect([...(await model.tensors())]).toEqual([...tensors]);
      model.dispose();
    },
  );

  test('running statistics move as PyTorch moves them', async () => {
    const tensors = randomParameters(small, 2);
    const images = randomImages(2);
    const model = new TrainingModel(small, tensors);
    const statistics = new BatchStatistics();
    tf.tidy(() => {
      model.embed(toTensor(images), statistics);
    });
    model.absorb(statistics);
    const moved = await model.tensors();
    model.dispose();

    const maps = images.flatMap((image) => convolution(image, tensors, 'conv', 1).values);
    const count = maps.length / 4;
    const mean: number[] = [];
    const unbiased: number[] = [];
    for (let c = 0; c < 4; c++) {
      const channel = maps.filter((_, i) => i % 4 === c);
      mean.push(channel.reduce((sum, value) => sum + value, 0) / count);
      unbiased.push(channel.reduce((sum, value) => sum + (value - mean[c]) ** 2, 0) / (count - 1));
    }
    const drift = (name: string, towards: number[]) =>
      towards.map((value, c) => 0.9 * (tensors.get(name)?.data[c] as number) + 0.1 * value);
    expectAllClose(
      moved.get('bn.running_mean')?.data as Float32Array,
      drift('bn.running_mean', mean),
      1e-6,
      'running mean',
    );
    expectAllClose(
      moved.get('bn.running_var')?.data as Float32Array,
      drift('bn.running_var', unbiased),
      1e-5,
      'running variance',
    );
    // Nothing else moves.
    for (const [name, tensor] of tensors) {
      if (!name.includes('running')) expect(moved.get(name), name).toEqual(tensor);
    }
  });

  test('at rest nothing moves, and a picture has one embedding, whatever the batch', async () => {
    const model = new TrainingModel(small, randomParameters(small, 8));
    const images = randomImages(8);
    const held = tf.memory().numTensors;
    const together = await read(() => model.embed(toTensor(images)));
    const alone = await read(() =>
      model.embed(tf.slice(toTensor(images), [0, 0, 0, 0], [1, -1, -1, -1]) as tf.Tensor4D),
    );
    expectAllClose(alone, together.subarray(0, small.dimension), 1e-6, 'embedding');
    expect(tf.memory().numTensors).toBe(held);
    model.dispose();
  });

  test('the running statistics have no part in the forward pass of training', async () => {
    const tensors = randomParameters(small, 3);
    const others = new Map(tensors)
      .set('bn.running_mean', { shape: [4], data: new Float32Array(4).fill(9) })
      .set('bn.running_var', { shape: [4], data: new Float32Array(4).fill(9) });
    const embed = async (parameters: typeof tensors) => {
      const model = new TrainingModel(small, parameters);
      const statistics = new BatchStatistics();
      const features = await read(() => model.embed(toTensor(randomImages(3)), statistics));
      statistics.dispose();
      model.dispose();
      return features;
    };
    expect(await embed(others)).toEqual(await embed(tensors));
  });

  test('gradients are taken of everything but the running statistics', () => {
    const model = new TrainingModel(small, randomParameters(small, 4));
    const names = ['conv.weight', 'bn.weight', 'bn.bias', 'embedding.weight', 'embedding.bias'];
    expect([...model.trainable.keys()]).toEqual(names);
    model.dispose();
  });

  test('no tensor is left behind by a step', async () => {
    const before = tf.memory().numTensors;
    const model = new TrainingModel(small, randomParameters(small, 5));
    const held = tf.memory().numTensors;
    for (let step = 0; step < 3; step++) {
      const statistics = new BatchStatistics();
      tf.tidy(() => {
        const images = toTensor(randomImages(step));
        tf.variableGrads(
          () => tf.mean(tf.square(model.embed(images, statistics))) as tf.Scalar,
          [...model.trainable.values()],
        );
      });
      model.absorb(statistics);
      await model.tensors();
    }
    expect(tf.memory().numTensors).toBe(held);
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('statistics that are thrown away are freed', () => {
    const model = new TrainingModel(small, randomParameters(small, 6));
    const held = tf.memory().numTensors;
    const statistics = new BatchStatistics();
    tf.tidy(() => {
      model.embed(toTensor(randomImages(6)), statistics);
    });
    expect(tf.memory().numTensors).toBe(held + 2);
    statistics.dispose();
    expect(tf.memory().numTensors).toBe(held);
    model.dispose();
  });
});

test('a missing parameter is named', () => {
  const tensors = randomParameters(small, 7);
  tensors.delete('bn.bias');
  expect(() => new TrainingModel(small, tensors)).toThrow('The parameter "bn.bias" is missing.');
});

describe('initialParameters', () => {
  test('one seed, one start; shapes as listed', () => {
    const start = initialParameters(mnistWide, createRandom(1));
    expect([...initialParameters(mnistWide, createRandom(1))]).toEqual([...start]);
    expect([...initialParameters(mnistWide, createRandom(2))]).not.toEqual([...start]);
    for (const { name, shape } of parametersOf(mnistWide)) {
      expect(start.get(name)?.shape, name).toEqual(shape);
      expect(start.get(name)?.data.length, name).toBe(shape.reduce((a, b) => a * b, 1));
    }
  });

  test('convolutions by He et al., the rest neutral', () => {
    const start = initialParameters(mnist2d, createRandom(3));
    const values = (name: string) => [...(start.get(name)?.data ?? [])];
    const weights = values('conv3_2.weight');
    const variance = weights.reduce((sum, value) => sum + value * value, 0) / weights.length;
    expect(variance / (2 / (64 * 9))).toBeGreaterThan(0.97);
    expect(variance / (2 / (64 * 9))).toBeLessThan(1.03);
    expect(new Set(values('bn1_1.weight'))).toEqual(new Set([1]));
    expect(new Set(values('bn1_1.bias'))).toEqual(new Set([0]));
    expect(new Set(values('bn1_1.running_mean'))).toEqual(new Set([0]));
    expect(new Set(values('bn1_1.running_var'))).toEqual(new Set([1]));
    expect(new Set(values('prelu1_1.weight'))).toEqual(new Set([0.25]));
    expect(values('embedding.bias')).toEqual([0, 0]);
  });
});
