import type { InferenceEngine } from '@softmargin/shared/inference/inference-kernels.ts';
import { mnist2d } from '@softmargin/shared/models/mnist-2d.ts';
import type { ServingModel } from '@softmargin/shared/models/serving.ts';
import { beforeAll, expect, test } from 'vitest';
import { exampleBundle } from '../../test/bundles.ts';
import { startBackend } from './backend.ts';
import { LoadedModels } from './loaded-models.ts';
import { loadingBytes, servingBytes } from './serving-memory.ts';

let engine: InferenceEngine;
beforeAll(async () => {
  ({ engine } = await startBackend());
});

const image = new Float32Array(28 * 28);
const read = (seed: number) => async () => exampleBundle(mnist2d, seed);
const each = servingBytes(exampleBundle(mnist2d));
/** Room for one that is loaded, and for another one to be. */
const roomForTwo = each + loadingBytes(exampleBundle(mnist2d));
const embed = (model: ServingModel) => model.embed(image, 1);

test('a model is read once while it stays loaded', async () => {
  const models = new LoadedModels(engine, roomForTwo);
  let reads = 0;
  const counted = async () => {
    reads++;
    return read(1)();
  };
  for (let i = 0; i < 3; i++) await models.use('a', 10, counted, embed);
  expect(reads).toBe(1);
});

test('the one used longest ago makes room and gives its memory back', async () => {
  const models = new LoadedModels(engine, roomForTwo);
  const before = engine.heldBytes;
  await models.use('a', 10, read(1), embed);
  expect(engine.heldBytes - before).toBe(each);
  await models.use('b', 10, read(2), embed);
  await models.use('a', 10, read(1), embed);
  await models.use('c', 10, read(3), embed);
  expect(models.keys).toEqual(['a', 'c']);
  expect(engine.heldBytes - before).toBe(2 * each);
  expect(models.bytes).toBe(2 * each);
});

test('one that is in use is disposed when its last user is done', async () => {
  const models = new LoadedModels(engine, each);
  const before = engine.heldBytes;
  let embedding: Float32Array | undefined;
  await models.use('a', 10, read(1), async (model) => {
    const first = await embed(model);
    await models.use('b', 10, read(2), embed);
    expect(models.keys).toEqual(['b']);
    embedding = await embed(model);
    expect(embedding).toEqual(first);
  });
  const withOne = engine.heldBytes - before;
  await models.use('c', 10, read(3), embed);
  expect(engine.heldBytes - before).toBe(withOne);
});

test('requests that load the same model at once share it', async () => {
  const models = new LoadedModels(engine, roomForTwo);
  const before = engine.heldBytes;
  await Promise.all([1, 2, 3].map(() => models.use('a', 10, read(1), embed)));
  const shared = engine.heldBytes - before;
  await models.use('a', 10, read(1), embed);
  expect(engine.heldBytes - before).toBe(shared);
});
