import { expect, test } from 'vitest';
import { expectAllClose } from '../../test/allclose.ts';
import { randomParameters } from '../../test/bundles.ts';
import { PlainLayers } from '../../test/plain-layers.ts';
import { type Topology, topologySchema } from '../bundle/topology.ts';
import { createRandom } from '../random.ts';
import { graph } from './graph.ts';
import type { Sides } from './layers.ts';

const input = { height: 6, width: 5, channels: 3 } as const;
const around: Sides = { top: 1, right: 1, bottom: 1, left: 1 };

function convolution(name: string, from: string, bias = true): Topology['layers'][number] {
  return {
    ...{ kind: 'convolution', name, inputs: [from], filters: 4, kernel: 3, stride: 1, padding: around, bias },
    depthwise: false,
  };
}

test('a map is there for every layer that takes it, however far on', () => {
  const { layers } = topologySchema.parse({
    layers: [
      convolution('a', 'input'),
      convolution('b', 'a'),
      convolution('c', 'b'),
      { kind: 'add', name: 'sum', inputs: ['c', 'a'] },
      convolution('d', 'sum'),
      { kind: 'concatenate', name: 'all', inputs: ['d', 'sum', 'a'] },
      { kind: 'global-average-pool', name: 'pool', inputs: ['all'] },
    ],
  });
  const architecture = graph({ layers }, input);
  expect(architecture.dimension).toBe(12);
  const tensors = randomParameters(architecture, 1);
  const random = createRandom(2);
  const picture = { ...input, values: Array.from({ length: 6 * 5 * 3 }, () => random.normal()) };
  const plain = new PlainLayers(tensors);
  const layer = { filters: 4, kernel: 3, padding: 1 };
  const a = plain.convolution(picture, { name: 'a', ...layer });
  const c = plain.convolution(plain.convolution(a, { name: 'b', ...layer }), { name: 'c', ...layer });
  const sum = plain.add(c, a);
  const d = plain.convolution(sum, { name: 'd', ...layer });
  const expected = plain.globalAveragePool(plain.concatenateChannels([d, sum, a])).values;
  expectAllClose(architecture.embed(plain, picture).values, expected, 1e-9, 'embedding');
});

test.each([
  [
    'a max pooling of which a window is nothing but padding',
    [{ kind: 'max-pool', name: 'm', inputs: ['input'], size: 2, stride: 1, padding: { ...around, left: 2 } }],
    'a window of 2 of a max pooling of topology is nothing but padding.',
  ],
  [
    'parameters of one name and two shapes',
    [
      convolution('a', 'input'),
      { ...convolution('b', 'a', false), normalisation: 'a' },
      { kind: 'global-average-pool', name: 'pool', inputs: ['b'] },
    ],
    'topology has a.weight with shape [4,3,3,3] and with [4].',
  ],
])('refuses %s', (_, layers, message) => {
  expect(() => graph(topologySchema.parse({ layers }), input)).toThrow(message);
});
