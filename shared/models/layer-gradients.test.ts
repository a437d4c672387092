import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, test } from 'vitest';
import { expectAllClose } from '../../test/allclose.ts';
import { backends, startBackend } from '../../test/backends.ts';
import { randomParameters } from '../../test/bundles.ts';
import { centralDifferences } from '../../test/finite-differences.ts';
import { plainEmbedding } from '../../test/plain-layers.ts';
import type { PlainMap } from '../../test/plain-network.ts';
import { readAll } from '../../test/read.ts';
import { createRandom } from '../random.ts';
import type { Architecture, Layers } from './layers.ts';
import { TrainingModel } from './training.ts';

/** A network of one idea between a convolution, so that gradients have to go through it, and an embedding. */
function around(name: string, middle: <T>(layers: Layers<T>, map: T) => T): Architecture {
  return {
    name,
    input: { height: 5, width: 6, channels: 3 },
    resizable: true,
    dimension: 2,
    embed(layers, images) {
      const map = middle(layers, layers.convolution(images, { name: 'first', filters: 4, kernel: 1 }));
      const pooled = layers.flatten(layers.globalAveragePool(map));
      return layers.linear(pooled, { name: 'last', features: 2 });
    },
  };
}

const networks: Architecture[] = [
  around('depthwise convolution', (layers, map) =>
    layers.convolution(map, {
      name: 'middle',
      filters: 4,
      kernel: 3,
      padding: 1,
      stride: 2,
      depthwise: true,
    }),
  ),
  around('depthwise convolution with normalisation', (layers, map) =>
    layers.convolution(map, {
      name: 'middle',
      normalisation: 'norm',
      filters: 4,
      kernel: 3,
      depthwise: true,
      activation: { kind: 'relu6' },
    }),
  ),
  around('strided convolution', (layers, map) =>
    layers.convolution(map, { name: 'middle', filters: 3, kernel: 3, padding: 1, stride: 2, bias: false }),
  ),
  around('convolution with bias and normalisation', (layers, map) =>
    layers.convolution(map, {
      name: 'middle',
      normalisation: 'norm',
      bias: true,
      filters: 3,
      kernel: 2,
      activation: { kind: 'relu' },
    }),
  ),
  around('batch normalisation', (layers, map) =>
    layers.batchNormalisation(map, { name: 'norm', activation: { kind: 'relu' } }),
  ),
  around('instance normalisation', (layers, map) =>
    layers.instanceNormalisation(map, { name: 'norm', activation: { kind: 'relu' } }),
  ),
  around('max pooling, overlapping and padded', (layers, map) =>
    layers.maxPool(map, 3, { stride: 2, padding: 1 }),
  ),
  around('average pooling', (layers, map) => layers.averagePool(map, 2)),
  around('generalised mean pooling', (layers, map) =>
    layers.generalisedMeanPool(layers.activate(map, { kind: 'relu' }), 'pool'),
  ),
  around('gate', (layers, map) => {
    const factors = layers.convolution(layers.globalAveragePool(map), {
      name: 'gate',
      filters: 4,
      kernel: 1,
      activation: { kind: 'sigmoid' },
    });
    return layers.scaleChannels(map, factors);
  }),
  around('gate that two branches share', (layers, map) => {
    const gated = (branch: typeof map) =>
      layers.scaleChannels(
        branch,
        layers.convolution(layers.globalAveragePool(branch), {
          name: 'gate',
          filters: 4,
          kernel: 1,
          activation: { kind: 'sigmoid' },
        }),
      );
    return layers.add(gated(map), gated(layers.activate(map, { kind: 'relu' })));
  }),
  around('channels apart and together again', (layers, map) => {
    const [first, second] = layers.splitChannels(map, [1, 3]);
    return layers.concatenateChannels([
      layers.activate(second, { kind: 'relu' }),
      layers.instanceNormalisation(first, { name: 'norm' }),
    ]);
  }),
  around('part, whose maps are freed', (layers, map) =>
    layers.part(() => {
      const inner = layers.part(() => layers.instanceNormalisation(map, { name: 'norm' }));
      return layers.add(layers.activate(inner, { kind: 'relu' }), map);
    }),
  ),
  around('relu6', (layers, map) =>
    layers.activate(layers.batchNormalisation(map, { name: 'norm' }), { kind: 'relu6' }),
  ),
];

describe.each(backends)('on %s', (backend) => {
  beforeAll(() => startBackend(backend));

  test.each(networks)('$name: embedding and every gradient', async (network) => {
    const { height, width, channels } = network.input;
    const random = createRandom(1);
    const values = Array.from({ length: height * width * channels }, () => Math.fround(2 * random.normal()));
    const picture: PlainMap = { height, width, channels, values };
    const tensors = randomParameters(network, 3);
    const model = new TrainingModel(network, tensors);
    const variables = [...model.trainable];
    const [embedding, ...gradients] = await readAll(() => {
      const images = tf.tensor4d(values, [1, height, width, channels]);
      const { grads } = tf.variableGrads(
        // A loss whose gradient differs by output.
        () => tf.sum(tf.mul(tf.square(model.embed(images)), [[1, 0.5]])) as tf.Scalar,
        variables.map(([, variable]) => variable),
      );
      return [model.embed(images), ...variables.map(([, variable]) => grads[variable.name])];
    });
    const stored = await model.tensors();
    model.dispose();

    expectAllClose(embedding, plainEmbedding(network, picture, tensors), 1e-5, 'embedding');
    for (const [index, [name]] of variables.entries()) {
      const { shape, data } = stored.get(name) as { shape: readonly number[]; data: Float32Array };
      const expected = centralDifferences(
        (moved) => {
          const at = new Map(tensors).set(name, { shape, data: moved as unknown as Float32Array });
          const [first, second] = plainEmbedding(network, picture, at);
          return first ** 2 + 0.5 * second ** 2;
        },
        [...data],
      );
      expectAllClose(gradients[index], inComputeOrder(expected, shape), 1e-4, `gradient of ${name}`);
    }
  });
});

/** A gradient in PyTorch's order of [out, in, height, width] as tfjs has it: [height, width, in, out]. */
function inComputeOrder(values: number[], shape: readonly number[]): number[] {
  if (shape.length < 2) return values;
  const [outputs, inputs, height = 1, width = 1] = shape;
  const ordered: number[] = [];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let i = 0; i < inputs; i++) {
        for (let o = 0; o < outputs; o++) ordered.push(values[((o * inputs + i) * height + y) * width + x]);
      }
    }
  }
  return ordered;
}
