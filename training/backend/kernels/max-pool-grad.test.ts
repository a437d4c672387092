import { createRandom } from '@softmargin/shared/random.ts';
import * as tf from '@tensorflow/tfjs';
import { describe, test } from 'vitest';
import { expectGradientsAreSlopes, expectSameAsCpu, normal } from '../cpu-oracle.ts';

const pools = [
  { map: [6, 6], size: 2, stride: 2, pad: 'valid' },
  { map: [7, 5], size: 2, stride: 2, pad: 'valid' },
  { map: [7, 5], size: 2, stride: 2, pad: 'same' },
  { map: [7, 5], size: 3, stride: 2, pad: 'same' },
  { map: [7, 5], size: 3, stride: 2, pad: 1 },
  { map: [7, 5], size: 3, stride: 1, pad: 'valid' },
] as const;

const signs = [
  { values: 'mixed', of: (x: number) => x },
  { values: 'all negative', of: (x: number) => -0.1 - Math.abs(x) },
  { values: 'all equal', of: () => -1 },
];

describe.for(signs)('the gradient of max pooling, values $values', ({ of }) => {
  test.for(pools)('is that of cpu for $map by $size, stride $stride, $pad', async (pool) => {
    const random = createRandom(5);
    const { shape, values } = normal(random, 2, ...pool.map, 3);
    await expectSameAsCpu(
      (x) => tf.maxPool(x as tf.Tensor4D, pool.size, pool.stride, pool.pad),
      [{ shape, values: values.map(of) }],
      1e-4,
      // tfjs's kernel on WebGPU hands the gradient of equal elements to another of them.
      ['wasm'],
    );
  });
});

test('the gradient of max pooling is its slope where no window has a positive value', async () => {
  const order = createRandom(6).permutation(2 * 4 * 4);
  await expectGradientsAreSlopes(
    (x) => tf.maxPool(x as tf.Tensor4D, 2, 2, 'valid'),
    [{ shape: [1, 4, 4, 2], values: Array.from(order, (rank) => -1 - rank) }],
    0.25,
  );
});
