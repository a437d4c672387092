import { createRandom } from '@softmargin/shared/random.ts';
import * as tf from '@tensorflow/tfjs';
import { describe, test } from 'vitest';
import { convolutionCases } from '../convolution-cases.ts';
import { expectGradientsAreSlopes, expectSameAsCpu, normal } from '../cpu-oracle.ts';

const channels = [
  { from: 1, to: 3 },
  { from: 3, to: 8 },
  { from: 8, to: 1 },
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

test.for([1, 2])('the gradients of a convolution of stride %i are its slopes', async (stride) => {
  const random = createRandom(2);
  await expectGradientsAreSlopes(
    (x, filter) => tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, stride, 'same'),
    [normal(random, 1, 4, 3, 2), normal(random, 3, 3, 2, 2)],
    0.5,
  );
});
