import * as tf from '@tensorflow/tfjs';
import { beforeEach, expect, test, vi } from 'vitest';
import { startBackend, webgpuAdapter } from '../../test/backends.ts';
import { chooseBackend } from './choose-backend.ts';

beforeEach((context) => context.skip(webgpuAdapter === undefined, 'there is no WebGPU adapter here'));

test('an adapter in software is taken only by name', async () => {
  const { name } = await chooseBackend('auto');
  expect(name).toBe(webgpuAdapter?.isSoftware ? 'wasm' : 'webgpu');
  expect(tf.getBackend()).toBe(name);
  const chosen = await chooseBackend('webgpu');
  expect(chosen.name).toBe('webgpu');
  expect(chosen.description).toContain(webgpuAdapter?.name);
  expect(tf.getBackend()).toBe('webgpu');
});

test('steps leave no tensor and no buffer behind', async () => {
  await startBackend('webgpu');
  const weight = tf.randomNormal<tf.Rank.R4>([3, 3, 4, 8], 0, 0.1, 'float32', 1).variable();
  const x = tf.randomNormal<tf.Rank.R4>([4, 8, 8, 4], 0, 1, 'float32', 2);
  const memory = () => tf.memory() as tf.MemoryInfo & { numBytesInGPU: number };
  const step = async () => {
    const { value, grads } = tf.variableGrads(() => tf.mean(tf.square(tf.conv2d(x, weight, 1, 'same'))));
    tf.tidy(() => weight.assign(tf.sub(weight, tf.mul(grads[weight.name], 0.1))));
    const [loss] = await value.data();
    tf.dispose([value, grads]);
    return loss;
  };
  const first = await step();
  await step();
  const { numTensors, numBytesInGPU } = memory();
  let last = first;
  for (let i = 0; i < 20; i++) last = await step();
  expect(last).toBeLessThan(first);
  expect(memory().numTensors).toBe(numTensors);
  expect(memory().numBytesInGPU).toBe(numBytesInGPU);
  tf.dispose([weight, x]);
});

// The last: the backend gives nothing out afterwards.
test('what the device refuses is an error at the next read, not zeros', async () => {
  await startBackend('webgpu');
  vi.spyOn(console, 'warn').mockImplementation(() => {});
  const { device } = tf.backend() as unknown as { device: GPUDevice };
  const sum = tf.add(tf.tensor1d([1, 2]), tf.tensor1d([3, 4]));
  expect([...(await sum.data())]).toEqual([4, 6]);
  device.createBuffer({ size: 4, usage: 0xffff });
  await expect(tf.add(tf.tensor1d([1]), sum).data()).rejects.toThrow(
    /^The GPU \(.+\) refused an operation: /,
  );
});
