import { expect, test } from 'vitest';
import { randomParameters } from '../../test/bundles.ts';
import { PlainLayers } from '../../test/plain-layers.ts';
import { createRandom } from '../random.ts';
import type { Architecture } from './layers.ts';
import { nonLocalBlock } from './resnet50.ts';

/** fast-reid's non-local block by its definition: (θ φᵀ / N) g over all pairs of positions, W and BN, and the input. */
test('a non-local block is that of all pairs of positions', () => {
  const [height, width, channels] = [3, 2, 4];
  const architecture: Architecture = {
    ...{ name: 'block', input: { height, width, channels: 3 }, dimension: channels },
    embed: (layers, images) => {
      const map = layers.convolution(images, { name: 'first', filters: channels, kernel: 1 });
      return layers.globalAveragePool(nonLocalBlock(layers, map, 'NL', channels));
    },
  };
  const tensors = randomParameters(architecture, 3);
  const random = createRandom(4);
  const values = Array.from({ length: height * width * channels }, () => random.normal());
  const found = nonLocalBlock(new PlainLayers(tensors), { height, width, channels, values }, 'NL', channels);

  const number = (name: string, i: number) => tensors.get(`NL.${name}`)?.data[i] as number;
  const positions = height * width;
  const project = (part: string, position: number) => {
    let sum = number(`${part}.bias`, 0);
    for (let c = 0; c < channels; c++) sum += number(`${part}.weight`, c) * values[position * channels + c];
    return sum;
  };
  for (let i = 0; i < positions; i++) {
    let y = 0;
    for (let j = 0; j < positions; j++) {
      y += (project('theta', i) * project('phi', j) * project('g', j)) / positions;
    }
    for (let c = 0; c < channels; c++) {
      const w = number('W.0.weight', c) * y + number('W.0.bias', c);
      const deviation = Math.sqrt(number('W.1.running_var', c) + 1e-5);
      const normalised = ((w - number('W.1.running_mean', c)) / deviation) * number('W.1.weight', c);
      const expected = normalised + number('W.1.bias', c) + values[i * channels + c];
      expect(found.values[i * channels + c]).toBeCloseTo(expected, 5);
    }
  }
});
