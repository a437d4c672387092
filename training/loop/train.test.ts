import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BundleTensor } from '@softmargin/shared/bundle/bundle.ts';
import { createRandom } from '@softmargin/shared/random.ts';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startBackend } from '../../test/backends.ts';
import { channelStatistics } from '../datasets/channel-statistics.ts';
import type { ImageDataset } from '../datasets/dataset.ts';
import { mnist2dRecipe } from '../recipes/mnist-2d.ts';
import { mnistWideRecipe } from '../recipes/mnist-wide.ts';
import type { Recipe } from '../recipes/recipe.ts';
import { readCheckpoint } from './checkpoint.ts';
import { train } from './train.ts';
import { Trainer } from './trainer.ts';

/** Noise with a bright bar where the identity says: enough to learn, and quick. */
function bars(count: number): ImageDataset {
  const random = createRandom(4);
  const identities = Int32Array.from({ length: count }, (_, i) => i % 4);
  const pixels = new Uint8Array(count * 784);
  for (let i = 0; i < count; i++) {
    for (let k = 0; k < 784; k++) {
      const inBar = Math.floor(k / 28 / 7) === identities[i];
      pixels[i * 784 + k] = (inBar ? 128 : 0) + random.integer(100);
    }
  }
  const cameras = new Int32Array(count);
  return { name: 'bars', height: 28, width: 28, channels: 1, count, pixels, identities, cameras };
}

const dataset = bars(32);
const statistics = channelStatistics(dataset);
const recipe: Recipe = {
  ...mnistWideRecipe,
  steps: 6,
  batch: { identities: 4, pictures: 2 },
  optimiser: { ...mnistWideRecipe.optimiser, warmupSteps: 2 },
};
const root = mkdtempSync(join(tmpdir(), 'softmargin-train-'));

beforeAll(() => startBackend('wasm'));
afterAll(() => rmSync(root, { recursive: true }));

let runs = 0;
const newDirectory = () => join(root, `run-${runs++}`);

function run(directory: string, changes: Partial<Parameters<typeof train>[0]> = {}) {
  return train({ recipe, dataset, statistics, directory, resume: false, checkpointEvery: 2, ...changes });
}

function bits(tensors: ReadonlyMap<string, BundleTensor>): string {
  return [...tensors].map(([name, { data }]) => `${name} ${new Uint32Array(data.buffer).join()}`).join('\n');
}

test('the same seed gives the same weights to the last bit, another seed does not', async () => {
  const weights = bits(await run(newDirectory()));
  expect(bits(await run(newDirectory()))).toBe(weights);
  expect(bits(await run(newDirectory(), { recipe: { ...recipe, seed: 2 } }))).not.toBe(weights);
});

test('the loss goes down', async () => {
  const losses: number[] = [];
  await run(newDirectory(), {
    recipe: { ...recipe, steps: 25 },
    onStep: ({ loss }) => losses.push(loss),
  });
  expect(losses.at(-1)).toBeLessThan(0.5 * losses[0]);
});

describe('a run that was stopped', () => {
  async function runStoppedAtStep3(): Promise<string> {
    const directory = newDirectory();
    const stopping = new AbortController();
    const stopped = run(directory, {
      signal: stopping.signal,
      onStep: ({ step }) => step === 3 && stopping.abort(new Error('stopped')),
    });
    await expect(stopped).rejects.toThrow('stopped');
    return directory;
  }

  test('goes on to the same weights, and its log has every step once', async () => {
    const whole = bits(await run(newDirectory()));
    const directory = await runStoppedAtStep3();
    expect((await readCheckpoint(join(directory, 'checkpoint.safetensors'))).step).toBe(3);

    expect(bits(await run(directory, { resume: true }))).toBe(whole);
    const log = readFileSync(join(directory, 'log.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(log.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(Object.keys(log[0])).toEqual(['step', 'loss', 'softmax', 'softMargin', 'learningRate', 'seconds']);
    expect(readdirSync(directory).sort()).toEqual(['checkpoint.safetensors', 'log.jsonl']);
  });

  test('that was killed after its checkpoint takes the steps after it again, and logs them once', async () => {
    const whole = bits(await run(newDirectory()));
    const directory = await runStoppedAtStep3();
    // Two steps more than the checkpoint knows of, the second cut off in its line.
    const path = join(directory, 'log.jsonl');
    writeFileSync(path, `${readFileSync(path, 'utf8')}{"step":4,"loss":9}\n{"step":5,"lo`);

    expect(bits(await run(directory, { resume: true }))).toBe(whole);
    const steps = readFileSync(path, 'utf8').trim().split('\n');
    expect(steps.map((line) => JSON.parse(line).step)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(JSON.parse(steps[3]).loss).not.toBe(9);
  });

  test('with another recipe it is refused', async () => {
    const directory = newDirectory();
    await run(directory);
    const resumed = run(directory, { resume: true, recipe: { ...recipe, seed: 9 } });
    await expect(resumed).rejects.toThrow('was made with another recipe');
  });

  test.each([
    ['missing', undefined, /checkpoint\.safetensors cannot be used: ENOENT/],
    ['cut short', 1000, /cannot be used: The file is truncated/],
  ])('a checkpoint that is %s is an error that names it', async (_, length, message) => {
    const directory = newDirectory();
    await run(directory);
    const path = join(directory, 'checkpoint.safetensors');
    const bytes = readFileSync(path);
    rmSync(path);
    if (length !== undefined) writeFileSync(path, bytes.subarray(0, bytes.length - length));
    await expect(run(directory, { resume: true })).rejects.toThrow(message);
  });
});

test('steps leave no tensor behind', async () => {
  const trainer = new Trainer(recipe, dataset, statistics);
  await trainer.takeStep();
  const before = tf.memory().numTensors;
  for (let i = 0; i < 3; i++) await trainer.takeStep();
  expect(tf.memory().numTensors).toBe(before);
  trainer.dispose();
});

test('a loss that is not a number stops the run and names the step and the pictures', async () => {
  const fresh = new Trainer(recipe, dataset, statistics);
  const start = await fresh.checkpoint();
  fresh.dispose();
  const broken = { ...start.classWeights, data: start.classWeights.data.fill(Number.NaN) };
  const trainer = new Trainer(recipe, dataset, statistics, { ...start, classWeights: broken });
  await expect(trainer.takeStep()).rejects.toThrow(/^The loss is NaN at step 1, for pictures \d+, \d+/);
  expect(trainer.step).toBe(0);
  trainer.dispose();
});

test('what does not fit is said before the first step', () => {
  const small = { ...dataset, height: 14, width: 56 };
  expect(() => new Trainer(recipe, small, statistics)).toThrow('takes pictures of 28×28×1; bars has 14×56×1');
  const even: Recipe = { ...recipe, classWeights: 'even-on-circle' };
  expect(() => new Trainer(even, dataset, statistics)).toThrow('needs 2 dimensions, the model has 32');
});

test('class weights of the toy start evenly spread over the circle', async () => {
  const toy: Recipe = { ...mnist2dRecipe, batch: recipe.batch };
  const trainer = new Trainer(toy, dataset, statistics);
  const { shape, data } = (await trainer.checkpoint()).classWeights;
  expect(shape).toEqual([4, 2]);
  const rounded = [...data].map((value) => Math.round(value * 1e6) / 1e6 + 0);
  expect(rounded).toEqual([1, 0, 0, 1, -1, 0, 0, -1]);
  trainer.dispose();
});
