import { createRandom } from '@softmargin/shared/random.ts';
import * as tf from '@tensorflow/tfjs';
import { describe, test } from 'vitest';
import { convolutionCases } from '../convolution-cases.ts';
import { expectGradientsAreSlopes, expectSameAsCpu, normal } from '../cpu-oracle.ts';

const filters = [
  { channels: 1, multiplier: 1 },
  { channels: 8, multiplier: 1 },
  { channels: 3, multiplier: 2 },
];

describe.for(filters)(
  'the gradients of a depthwise convolution, $channels channels times $multiplier',
  ({ channels, multiplier }) => {
    test.for(convolutionCases)(
      'are those of cpu for $map by $filter, stride $stride, $pad',
      async (geometry) => {
        const random = createRandom(3);
        await expectSameAsCpu(
          (x, filter) =>
            tf.depthwiseConv2d(
              x as tf.Tensor4D,
              filter as tf.Tensor4D,
              geometry.stride,
              geometry.pad as 'same' | 'valid' | number,
            ),
          [
            normal(random, 2, ...geometry.map, channels),
            normal(random, ...geometry.filter, channels, multiplier),
          ],
        );
      },
    );
  },
);

test.for([1, 2])('the gradients of a depthwise convolution of stride %i are its slopes', async (stride) => {
  const random = createRandom(4);
  await expectGradientsAreSlopes(
    (x, filter) => tf.depthwiseConv2d(x as tf.Tensor4D, filter as tf.Tensor4D, stride, 'same'),
    [normal(random, 1, 4, 3, 2), normal(random, 3, 3, 2, 2)],
    0.5,
  );
});
