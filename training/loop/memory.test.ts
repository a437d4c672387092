import { createRandom } from '@softmargin/shared/random.ts';
import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { startBackend } from '../../test/backends.ts';
import { omniglot } from '../recipes/omniglot.ts';
import { Trainer } from './trainer.ts';

const STEPS = 2000;

test(`${STEPS} steps leave no tensor behind, and the heap does not grow`, { timeout: 600_000 }, async () => {
  await startBackend('wasm');
  const trainer = new Trainer({ ...omniglot, steps: STEPS }, 3);
  const random = createRandom(1);
  const batch = {
    images: Float32Array.from({ length: 4 * 28 * 28 }, () => random.normal()),
    shape: [4, 28, 28, 1] as const,
    labels: Int32Array.of(0, 0, 1, 2),
  };
  const memory = () => {
    const backend = tf.backend() as unknown as { wasm: { HEAPU8: Uint8Array } };
    const { numTensors, numDataBuffers, numBytes } = tf.memory();
    return {
      numTensors,
      numDataBuffers,
      numBytes,
      dataIds: tf.backend().numDataIds(),
      heap: backend.wasm.HEAPU8.length,
    };
  };
  for (let step = 0; step < 10; step++) await trainer.takeStep(batch);
  const before = memory();
  while (trainer.step < STEPS) await trainer.takeStep(batch);
  expect(memory()).toEqual(before);
  trainer.dispose();
});
