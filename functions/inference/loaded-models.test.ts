import { mnist2d } from '@softmargin/shared/models/mnist-2d.ts';
import type { ServingModel } from '@softmargin/shared/models/serving.ts';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, expect, test } from 'vitest';
import { exampleBundle } from '../../test/bundles.ts';
import { startBackend } from './backend.ts';
import { LoadedModels } from './loaded-models.ts';
import { servingBytes } from './serving-memory.ts';

beforeAll(() => startBackend());

const image = new Float32Array(28 * 28);
const read = (seed: number) => async () => exampleBundle(mnist2d, seed);
const each = servingBytes(exampleBundle(mnist2d));
const embed = (model: ServingModel) => model.embed(image, 1);

test('a model is read once while it stays loaded', async () => {
  const models = new LoadedModels(2 * each);
  let reads = 0;
  const counted = async () => {
    reads++;
    return read(1)();
  };
  for (let i = 0; i < 3; i++) await models.use('a', 10, counted, embed);
  expect(reads).toBe(1);
});

test('the one used longest ago makes room and gives its memory back', async () => {
  const models = new LoadedModels(2 * each);
  const before = tf.memory().numTensors;
  await models.use('a', 10, read(1), embed);
  const tensors = tf.memory().numTensors - before;
  expect(tensors).toBeGreaterThan(0);
  await models.use('b', 10, read(2), embed);
  await models.use('a', 10, read(1), embed);
  await models.use('c', 10, read(3), embed);
  expect(models.keys).toEqual(['a', 'c']);
  expect(tf.memory().numTensors - before).toBe(2 * tensors);
});

test('one that is in use is disposed when its last user is done', async () => {
  const models = new LoadedModels(each);
  const before = tf.memory().numTensors;
  let embedding: Float32Array | undefined;
  await models.use('a', 10, read(1), async (model) => {
    const first = await embed(model);
    await models.use('b', 10, read(2), embed);
    expect(models.keys).toEqual(['b']);
    embedding = await embed(model);
    expect(embedding).toEqual(first);
  });
  const withOne = tf.memory().numTensors - before;
  await models.use('c', 10, read(3), embed);
  expect(tf.memory().numTensors - before).toBe(withOne);
});

test('requests that load the same model at once share it', async () => {
  const models = new LoadedModels(2 * each);
  const before = tf.memory().numTensors;
  await Promise.all([1, 2, 3].map(() => models.use('a', 10, read(1), embed)));
  const shared = tf.memory().numTensors - before;
  await models.use('a', 10, read(1), embed);
  expect(tf.memory().numTensors - before).toBe(shared);
});
