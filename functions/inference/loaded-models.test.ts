import type { InferenceEngine } from '@softmargin/shared/inference/inference-kernels.ts';
import { mnist2d } from '@softmargin/shared/models/mnist-2d.ts';
import type { ServingModel } from '@softmargin/shared/models/serving.ts';
import { beforeAll, expect, test } from 'vitest';
import { exampleBundle } from '../../test/bundles.ts';
import { startBackend } from './backend.ts';
import { LoadedModels } from './loaded-models.ts';

let engine: InferenceEngine;
beforeAll(async () => {
  ({ engine } = await startBackend());
});

const image = new Float32Array(28 * 28);
const read = (seed: number) => async () => ({ bundle: exampleBundle(mnist2d, seed), bytes: 10 });
const embed = (model: ServingModel) => model.embed(image, 1);

test('a model is read once while it stays loaded', async () => {
  const models = new LoadedModels(engine, 20);
  let reads = 0;
  const counted = async () => {
    reads++;
    return read(1)();
  };
  for (let i = 0; i < 3; i++) await models.use('a', counted, embed);
  expect(reads).toBe(1);
});

test('the one used longest ago makes room and gives its memory back', async () => {
  const models = new LoadedModels(engine, 20);
  const before = engine.heldBytes;
  await models.use('a', read(1), embed);
  const each = engine.heldBytes - before;
  expect(each).toBeGreaterThan(0);
  await models.use('b', read(2), embed);
  await models.use('a', read(1), embed);
  await models.use('c', read(3), embed);
  expect(models.keys).toEqual(['a', 'c']);
  expect(engine.heldBytes - before).toBe(2 * each);
});

test('one that is in use is disposed when its last user is done', async () => {
  const models = new LoadedModels(engine, 10);
  const before = engine.heldBytes;
  let embedding: Float32Array | undefined;
  await models.use('a', read(1), async (model) => {
    const first = await embed(model);
    await models.use('b', read(2), embed);
    expect(models.keys).toEqual(['b']);
    embedding = await embed(model);
    expect(embedding).toEqual(first);
  });
  const withOne = engine.heldBytes - before;
  await models.use('c', read(3), embed);
  expect(engine.heldBytes - before).toBe(withOne);
});

test('requests that load the same model at once share it', async () => {
  const models = new LoadedModels(engine, 20);
  const before = engine.heldBytes;
  await Promise.all([1, 2, 3].map(() => models.use('a', read(1), embed)));
  const shared = engine.heldBytes - before;
  await models.use('a', read(1), embed);
  expect(engine.heldBytes - before).toBe(shared);
});
