import { compiledFeatures } from '@softmargin/shared/inference/compiled-features.ts';
import type { InferenceEngine } from '@softmargin/shared/inference/inference-kernels.ts';
import { mnist2d } from '@softmargin/shared/models/mnist-2d.ts';
import { ServingModel } from '@softmargin/shared/models/serving.ts';
import { afterEach, beforeAll, expect, test, vi } from 'vitest';
import { exampleBundle } from '../../test/bundles.ts';
import { startBackend } from './backend.ts';
import { LoadedModels } from './loaded-models.ts';
import { MemoryBudget } from './memory-budget.ts';
import { modelBytes } from './serving-memory.ts';

let engine: InferenceEngine;
beforeAll(async () => {
  ({ engine } = await startBackend());
});
afterEach(() => void vi.useRealTimers());

const image = new Float32Array(28 * 28);
const read = (seed: number) => async () => exampleBundle(mnist2d, seed);
const byLayer = (seed: number) => async () => {
  const bundle = exampleBundle(mnist2d, seed);
  return {
    ...bundle,
    manifest: { ...bundle.manifest, weights: { type: 'f32', serving: 'by-layer' } as const },
  };
};
const { weights, maps, tensors } = modelBytes(exampleBundle(mnist2d));
const roomForTwo = 2 * weights + maps;
const embed = (model: ServingModel) => model.embed(image, 1);
const modelsOf = (heapLimit: number, memory = new MemoryBudget(() => 0)) =>
  new LoadedModels(engine, memory, heapLimit);

test('what a model is reckoned to take is what it takes', async () => {
  const before = engine.heldBytes;
  const model = ServingModel.load(exampleBundle(mnist2d), compiledFeatures(engine));
  expect(engine.heldBytes - before).toBe(weights);
  model.dispose();
});

test('a model is read once while it stays loaded', async () => {
  const models = modelsOf(roomForTwo);
  let reads = 0;
  const counted = async () => {
    reads++;
    return read(1)();
  };
  for (let i = 0; i < 3; i++) await models.use('a', 10, counted, embed);
  expect(reads).toBe(1);
});

test('the one used longest ago makes room and gives its memory back', async () => {
  const models = modelsOf(roomForTwo);
  const before = engine.heldBytes;
  await models.use('a', 10, read(1), embed);
  expect(engine.heldBytes - before).toBe(weights);
  await models.use('b', 10, read(2), embed);
  await models.use('a', 10, read(1), embed);
  await models.use('c', 10, read(3), embed);
  expect(models.keys).toEqual(['a', 'c']);
  expect(engine.heldBytes - before).toBe(2 * weights);
});

test('beside the heap a model keeps its bundle by layer alone, and gives it up for a request', async () => {
  const memory = new MemoryBudget(() => 0, 10_000_000);
  const models = modelsOf(10 * roomForTwo, memory);
  await models.use('a', 10, read(1), embed);
  expect(models.bytes).toBe(0);
  await models.use('b', 10, byLayer(2), embed);
  await models.use('c', 10, byLayer(3), embed);
  expect(models.bytes).toBe(2 * tensors);
  await memory.holding(async (held) => held.add(10_000_000 - tensors));
  expect(models.keys).toEqual(['a', 'c']);
});

test('one that is in use stays: another waits for its room, and is sent away in the end', async () => {
  const memory = new MemoryBudget(() => 0);
  const models = modelsOf(weights + maps, memory);
  await memory.holding(() =>
    models.use('a', 10, read(1), async (model) => {
      const first = await embed(model);
      vi.useFakeTimers({ toFake: ['Date'] });
      const refused = memory.holding(() => models.use('b', 10, read(2), embed));
      await scheduler.wait(20);
      expect(models.keys).toEqual(['a']);
      vi.setSystemTime(Date.now() + 60_000);
      await expect(refused).rejects.toMatchObject({ status: 429 });
      vi.useRealTimers();
      expect(await embed(model)).toEqual(first);
    }),
  );
  const waits = models.use('a', 10, read(1), async () => {
    const other = models.use('b', 10, read(2), embed);
    await scheduler.wait(20);
    return { other };
  });
  await (await waits).other;
  expect(models.keys).toEqual(['b']);
});

test('one that there is no room for at any time is refused as too large', async () => {
  const memory = new MemoryBudget(() => 0);
  const models = modelsOf(weights + maps - 1, memory);
  vi.useFakeTimers({ toFake: ['Date'] });
  const refused = memory.holding(() => models.use('a', 10, read(1), embed));
  await scheduler.wait(20);
  vi.setSystemTime(Date.now() + 60_000);
  await expect(refused).rejects.toMatchObject({ status: 413 });
  expect(models.keys).toEqual([]);
});

test('requests that load the same model at once share it', async () => {
  const models = modelsOf(roomForTwo);
  const before = engine.heldBytes;
  await Promise.all([1, 2, 3].map(() => models.use('a', 10, read(1), embed)));
  const shared = engine.heldBytes - before;
  await models.use('a', 10, read(1), embed);
  expect(engine.heldBytes - before).toBe(shared);
});

test('a model that is not kept leaves nothing behind', async () => {
  const models = modelsOf(roomForTwo);
  const before = engine.heldBytes;
  await models.useOnce(exampleBundle(mnist2d, 4), embed);
  expect([engine.heldBytes, models.keys]).toEqual([before, []]);
});
