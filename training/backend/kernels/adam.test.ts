import { createRandom } from '@softmargin/shared/random.ts';
import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { expectAllClose } from '../../../test/allclose.ts';
import { backends, startBackend } from '../../../test/backends.ts';
import { ADAM, adam } from '../../optimisation/adam.ts';
import { normal } from '../cpu-oracle.ts';

const decays = ['in-gradient', 'decoupled'] as const;

test.for(decays)('steps of Adam on every backend are those of cpu, weight decay %s', async (decay) => {
  const random = createRandom(12);
  // No multiple of four numbers, so that some are left over.
  const start = normal(random, 3, 7);
  const gradients = [1, 2, 3].map(() => normal(random, 3, 7));
  const results = [];
  for (const backend of backends) {
    await startBackend(backend);
    expect(tf.getKernel(ADAM, backend) !== undefined, backend).toBe(backend === 'wasm');
    const rule = adam({ beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay });
    const variable = tf.tensor(start.values, start.shape).variable();
    const moments = [0, 1].map(() => tf.zeros(start.shape).variable(false));
    for (const [i, { values, shape }] of gradients.entries()) {
      tf.tidy(() => {
        const gradient = tf.tensor(values, shape);
        rule.apply({ variable, gradient, moments, learningRate: 0.1, weightDecay: 0.01, step: i + 1 });
      });
    }
    const values = [];
    for (const tensor of [variable, ...moments]) values.push(await tensor.data());
    results.push(values);
    tf.dispose([variable, ...moments]);
  }
  const [cpu, ...others] = results;
  for (const other of others) {
    for (const [i, expected] of cpu.entries()) expectAllClose(other[i], expected, 2e-6);
  }
});
