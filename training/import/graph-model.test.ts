import { graph } from '@softmargin/shared/models/graph.ts';
import { ServingModel } from '@softmargin/shared/models/serving.ts';
import { tensorFeatures } from '@softmargin/shared/models/tensor-features.ts';
import { createRandom } from '@softmargin/shared/random.ts';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, test } from 'vitest';
import { expectAllClose } from '../../test/allclose.ts';
import { startBackend } from '../../test/backends.ts';
import { exampleManifest } from '../../test/bundles.ts';
import { importGraphModel } from './graph-model.ts';

beforeAll(() => startBackend('wasm'));

const base64 = (text: string) => ({ s: Buffer.from(text).toString('base64') });
const random = createRandom(1);
const draw = (...shape: number[]) => ({
  shape,
  data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal()),
});
const positive = (...shape: number[]) => ({
  shape,
  data: draw(...shape).data.map((value) => 0.5 + value ** 2),
});

/** Strides of 2 over even lengths: `same` then pads at the end alone. */
const weights = new Map([
  ['k1', draw(3, 3, 3, 4)],
  ['b1', draw(4)],
  ['k2', draw(3, 3, 4, 1)],
  ...(['gamma', 'beta', 'mean'] as const).map((name) => [name, draw(4)] as const),
  ['variance', positive(4)],
  ['axes', { shape: [2], data: Float32Array.of(1, 2) }],
]);
const strides = { list: { i: ['1', '2', '2', '1'] } };
const node = (name: string, op: string, input: string[], attr: object = {}) => ({ name, op, input, attr });
const nodes = [
  node('x', 'Placeholder', [], {
    shape: { shape: { dim: [-1, 10, 8, 3].map((size) => ({ size: String(size) })) } },
  }),
  ...[...weights.keys()].map((name) => node(name, 'Const', [])),
  node('conv', '_FusedConv2D', ['x', 'k1', 'b1'], {
    ...{ strides, padding: base64('SAME') },
    fused_ops: { list: { s: ['BiasAdd', 'Relu6'].map((text) => base64(text).s) } },
  }),
  node('depth', 'DepthwiseConv2dNative', ['conv', 'k2'], { strides, padding: base64('SAME') }),
  node('norm', 'FusedBatchNormV3', ['depth', 'gamma', 'beta', 'mean', 'variance'], { epsilon: { f: 0.001 } }),
  node('pool', 'Mean', ['norm:0', 'axes']),
];

test('a graph model computes what TensorFlow.js’s own operations do', async () => {
  const { input, topology, parameters, dimension } = importGraphModel({ node: nodes }, weights);
  expect(graph(topology, input).dimension).toBe(dimension);
  const manifest = { ...exampleManifest('topology', dimension), input, topology };
  const channels = { ...manifest.preprocessing, mean: [0, 0, 0], deviation: [1, 1, 1] };
  const model = ServingModel.load(
    {
      ...{ manifest: { ...manifest, preprocessing: channels }, tensors: parameters, sha256: '' },
    },
    tensorFeatures,
  );
  const picture = draw(1, 10, 8, 3);
  const expected = tf.tidy(() => {
    const t = (name: string) => {
      const { shape, data } = weights.get(name) as { shape: number[]; data: Float32Array };
      return tf.tensor(data, shape);
    };
    const x = tf.tensor4d(picture.data, [1, 10, 8, 3]);
    const conv = tf.relu6(tf.add(tf.conv2d(x, t('k1') as tf.Tensor4D, 2, 'same'), t('b1'))) as tf.Tensor4D;
    const depth = tf.depthwiseConv2d(conv, t('k2') as tf.Tensor4D, 2, 'same');
    const affine = ['mean', 'variance', 'beta', 'gamma'].map((name) => t(name) as tf.Tensor1D);
    const norm = tf.batchNorm(depth, affine[0], affine[1], affine[2], affine[3], 0.001);
    return tf.mean(norm, [1, 2]).dataSync();
  });
  expectAllClose(await model.features(picture.data, 1), expected, 1e-4, 'features');
  model.dispose();
});

test('the first operation that is not supported is named', () => {
  const odd = nodes.map((one) => (one.name === 'norm' ? node('norm', 'LRN', ['depth']) : one));
  expect(() => importGraphModel({ node: odd }, weights)).toThrow(
    'The operation "norm" is a LRN, which is not supported. Supported are ',
  );
});
