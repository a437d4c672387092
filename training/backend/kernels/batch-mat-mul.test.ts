import { createRandom } from '@softmargin/shared/random.ts';
import * as tf from '@tensorflow/tfjs';
import { test } from 'vitest';
import { expectSameAsCpu, normal } from '../cpu-oracle.ts';

const products = [
  { a: [4, 5], b: [5, 3], transposeA: false, transposeB: false },
  { a: [5, 4], b: [5, 3], transposeA: true, transposeB: false },
  { a: [4, 5], b: [3, 5], transposeA: false, transposeB: true },
  { a: [5, 4], b: [3, 5], transposeA: true, transposeB: true },
  { a: [1, 5], b: [3, 5], transposeA: false, transposeB: true },
  { a: [2, 5, 4], b: [2, 3, 5], transposeA: true, transposeB: true },
  { a: [3, 6, 9], b: [3, 9, 17], transposeA: false, transposeB: false },
  // More rows than are worked on at a time, and a width that no tile divides.
  { a: [70, 600], b: [600, 11], transposeA: false, transposeB: false },
  { a: [600, 70], b: [600, 11], transposeA: true, transposeB: false },
];

test.for(products)(
  'the product of $a and $b is that of cpu, transposed $transposeA and $transposeB',
  async ({ a, b, transposeA, transposeB }) => {
    const random = createRandom(8);
    await expectSameAsCpu(
      (left, right) => tf.matMul(left, right, transposeA, transposeB),
      [normal(random, ...a), normal(random, ...b)],
    );
  },
);
