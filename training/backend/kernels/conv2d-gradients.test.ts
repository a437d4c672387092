import { createRandom } from '@softmargin/shared/random.ts';
import * as tf from '@tensorflow/tfjs';
import { describe, test } from 'vitest';
import { convolutionCases } from '../convolution-cases.ts';
import { expectGradientsAreSlopes, expectSameAsCpu, normal } from '../cpu-oracle.ts';

const channels = [
  { from: 1, to: 3 },
  { from: 3, to: 8 },
  { from: 8, to: 1 },
  { from: 5, to: 20 },
];

describe.for(channels)('the gradients of a convolution from $from to $to channels', ({ from, to }) => {
  test.for(convolutionCases)(
    'are those of cpu for $map by $filter, stride $stride, $pad',
    async (geometry) => {
      const random = createRandom(1);
      await expectSameAsCpu(
        (x, filter) => tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, geometry.stride, geometry.pad),
        [normal(random, 2, ...geometry.map, from), normal(random, ...geometry.filter, from, to)],
      );
    },
  );
});

/** More pictures and pixels than are laid out or multiplied at a time. */
const large = [
  { batch: 5, size: 20, from: 24, to: 16, kernel: 3 },
  { batch: 33, size: 3, from: 32, to: 40, kernel: 3 },
  { batch: 3, size: 9, from: 100, to: 12, kernel: 1 },
];

test.for(large)(
  'the gradients of $batch pictures of $size×$size, $from to $to channels by $kernel×$kernel, are those of cpu',
  async ({ batch, size, from, to, kernel }) => {
    const random = createRandom(11);
    await expectSameAsCpu(
      (x, filter) => tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, 1, 'same'),
      [normal(random, batch, size, size, from), normal(random, kernel, kernel, from, to)],
    );
  },
);

test.for([1, 2])('the gradients of a convolution of stride %i are its slopes', async (stride) => {
  const random = createRandom(2);
  await expectGradientsAreSlopes(
    (x, filter) => tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, stride, 'same'),
    [normal(random, 1, 4, 3, 2), normal(random, 3, 3, 2, 2)],
    0.5,
  );
});
