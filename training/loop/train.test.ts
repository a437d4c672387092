import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BundleTensor } from '@softmargin/shared/bundle/bundle.ts';
import { createRandom } from '@softmargin/shared/random.ts';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startBackend } from '../../test/backends.ts';
import type { DatasetSplit, ImageDataset } from '../datasets/dataset.ts';
import { describe as manifestOf } from '../export/describe.ts';
import { BatchLoader } from '../loading/batch-loader.ts';
import { mnistToy } from '../recipes/mnist-toy.ts';
import { mnistWide } from '../recipes/mnist-wide.ts';
import { overrideRecipe } from '../recipes/override.ts';
import type { Recipe } from '../recipes/recipe.ts';
import { createSampler } from '../sampling/sampler.ts';
import { readCheckpoint } from './checkpoint.ts';
import { readRunLog } from './run-log.ts';
import { train } from './train.ts';
import { Trainer } from './trainer.ts';

/** Noise with a bright bar where the identity says: enough to learn, and quick. */
function bars(count: number, seed: number): ImageDataset {
  const random = createRandom(seed);
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

const validation = bars(16, 5);
const split: DatasetSplit = {
  name: 'bars',
  description: 'drawn by other seeds',
  train: bars(32, 4),
  validation: { query: validation, gallery: validation, protocol: 'all' },
  warnings: [],
};
const recipe = overrideRecipe(mnistWide, [
  'steps=6',
  'sampler={"kind": "pk", "identities": 4, "pictures": 2}',
  'schedule.warmupSteps=2',
]);
/** Everything that a checkpoint carries. */
const fullRecipe = overrideRecipe(recipe, [
  'losses=[{"name": "softmax"}, {"name": "center", "weight": 0.01}, {"name": "soft-margin"}]',
  'optimiser={"name": "sgd", "learningRate": 0.01, "weightDecay": 0.001, "nesterov": true}',
  'weightAverage=0.9',
  'gradientNormLimit=1',
  'validation={"every": 2, "patience": 3}',
]);
const root = mkdtempSync(join(tmpdir(), 'softmargin-train-'));

beforeAll(() => startBackend('wasm'));
afterAll(() => rmSync(root, { recursive: true }));

let runs = 0;
const newDirectory = () => join(root, `run-${runs++}`);

function run(directory: string, changes: Partial<Parameters<typeof train>[0]> = {}) {
  const used = changes.recipe ?? recipe;
  return train({
    recipe: used,
    split,
    manifest: manifestOf('bars', used, split),
    directory,
    resume: false,
    checkpointEvery: 2,
    loadingThreads: 0,
    ...changes,
  });
}

function bits(tensors: ReadonlyMap<string, BundleTensor>): string {
  return [...tensors].map(([name, { data }]) => `${name} ${new Uint32Array(data.buffer).join()}`).join('\n');
}

/** All that is in a run's checkpoint, to the bit. */
async function checkpointBits(directory: string): Promise<string> {
  const { trainer, best, ...rest } = await readCheckpoint(join(directory, 'checkpoint.safetensors'));
  const { parameters, lossParameters, moments, average, step } = trainer;
  return [
    JSON.stringify({ ...rest, step, best: best && [best.step, best.mAP] }),
    ...[parameters, lossParameters, moments, average, best?.parameters ?? new Map()].map(bits),
  ].join('\n');
}

test('the same seed gives the same weights to the last bit, another seed does not', async () => {
  const weights = bits((await run(newDirectory())).parameters);
  expect(bits((await run(newDirectory())).parameters)).toBe(weights);
  expect(bits((await run(newDirectory(), { loadingThreads: 2 })).parameters)).toBe(weights);
  const other = { recipe: { ...recipe, seed: 2 } };
  expect(bits((await run(newDirectory(), other)).parameters)).not.toBe(weights);
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
  async function runStoppedAt(last: number, used: Recipe): Promise<string> {
    const directory = newDirectory();
    const stopping = new AbortController();
    const stopped = run(directory, {
      recipe: used,
      signal: stopping.signal,
      onStep: ({ step }) => step === last && stopping.abort(new Error('stopped')),
    });
    await expect(stopped).rejects.toThrow('stopped');
    return directory;
  }

  test('goes on to the same weights, and its log has every step once', async () => {
    const whole = newDirectory();
    await run(whole);
    const directory = await runStoppedAt(3, recipe);
    const path = join(directory, 'checkpoint.safetensors');
    expect((await readCheckpoint(path)).trainer.step).toBe(3);

    await run(directory, { resume: true });
    expect(await checkpointBits(directory)).toBe(await checkpointBits(whole));
    const { steps } = await readRunLog(join(directory, 'log.jsonl'));
    expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(Object.keys(steps[0].parts)).toEqual(['normalised-softmax', 'soft-margin']);
    expect(readdirSync(directory).sort()).toEqual(['checkpoint.safetensors', 'log.jsonl', 'tensorboard']);
  });

  test.each([1, 2, 3, 4, 5])(
    'after step %i has its moments, average, loss parameters and best weights again',
    async (last) => {
      const whole = newDirectory();
      const { parameters } = await run(whole, { recipe: fullRecipe });
      const directory = await runStoppedAt(last, fullRecipe);
      const resumed = await run(directory, { recipe: fullRecipe, resume: true });
      expect(bits(resumed.parameters)).toBe(bits(parameters));
      expect(await checkpointBits(directory)).toBe(await checkpointBits(whole));
      const logs = await Promise.all([whole, directory].map((one) => readRunLog(join(one, 'log.jsonl'))));
      const scores = logs.map(({ validations }) => validations.map(({ seconds, ...scored }) => scored));
      expect(scores[0].map(({ step }) => step)).toEqual([2, 4, 6]);
      expect(scores[1]).toEqual(scores[0]);
    },
  );

  test('that was killed after its checkpoint takes the steps after it again, and logs them once', async () => {
    const whole = newDirectory();
    await run(whole);
    const directory = await runStoppedAt(3, recipe);
    // Two steps more than the checkpoint knows of, the second cut off in its line.
    const path = join(directory, 'log.jsonl');
    const text = readFileSync(path, 'utf8');
    const line = text
      .split('\n')[0]
      .replace('"step":1,', '"step":4,')
      .replace(/"loss":[^,]+/, '"loss":9999');
    writeFileSync(path, `${text}${line}\n${line.slice(0, 20)}`);

    await run(directory, { resume: true });
    expect(await checkpointBits(directory)).toBe(await checkpointBits(whole));
    const { steps } = await readRunLog(path);
    expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(steps[3].loss).not.toBe(9999);
  });

  test('before its first checkpoint starts from the first step', async () => {
    const whole = newDirectory();
    await run(whole);
    const directory = newDirectory();
    await run(directory, { resume: true });
    expect(await checkpointBits(directory)).toBe(await checkpointBits(whole));
  });

  test('is refused with another recipe or other data', async () => {
    const directory = newDirectory();
    await run(directory);
    const other = overrideRecipe(recipe, ['losses.1.sharpness=2']);
    await expect(run(directory, { resume: true, recipe: other })).rejects.toThrow(
      'another recipe: its losses.1.sharpness is different',
    );
    const smaller = { ...split, train: bars(28, 4) };
    await expect(run(directory, { resume: true, split: smaller })).rejects.toThrow(
      'was made on other data (bars: 32 training pictures',
    );
  });

  test('is refused with a checkpoint that is cut short, and the file stays', async () => {
    const directory = newDirectory();
    await run(directory);
    const path = join(directory, 'checkpoint.safetensors');
    const bytes = readFileSync(path);
    writeFileSync(path, bytes.subarray(0, bytes.length - 1000));
    await expect(run(directory, { resume: true })).rejects.toThrow(
      /checkpoint\.safetensors cannot be used: The file is truncated/,
    );
    expect(readFileSync(path).length).toBe(bytes.length - 1000);
  });
});

describe.skipIf(!existsSync('/dev/full'))('a full disk', () => {
  test('stops the run with an error that says so, and the checkpoint from before remains', async () => {
    const directory = newDirectory();
    const path = join(directory, 'checkpoint.safetensors');
    const filled = run(directory, {
      // The device that answers every write as a full disk does takes the place of the next checkpoint.
      onStep: ({ step }) => step === 3 && symlinkSync('/dev/full', `${path}.unfinished`),
    });
    await expect(filled).rejects.toThrow(
      /The checkpoint of step 4 could not be written to .*: the disk is full/,
    );
    expect((await readCheckpoint(path)).trainer.step).toBe(2);
    expect(existsSync('/dev/full')).toBe(true);

    const whole = newDirectory();
    await run(whole);
    await run(directory, { resume: true });
    expect(await checkpointBits(directory)).toBe(await checkpointBits(whole));
  });
});

describe('validation', () => {
  test('keeps the weights of the best mAP and stops when it gets no better', async () => {
    const directory = newDirectory();
    // A learning rate that falls to nothing: what is validated stops changing.
    const used = overrideRecipe(recipe, [
      'steps=40',
      'schedule={"name": "step", "warmupSteps": 0, "milestones": [2], "factor": 1e-30}',
      'validation={"every": 2, "patience": 3}',
    ]);
    const bests: [number, boolean][] = [];
    const { step, steps } = await run(directory, {
      recipe: used,
      onValidation: (line, best) => bests.push([line.step, best]),
    });
    const { validations } = await readRunLog(join(directory, 'log.jsonl'));
    const highest = Math.max(...validations.map((line) => line.validation.mAP));
    const first = validations.find((line) => line.validation.mAP === highest)?.step;
    expect(step).toBe(first);
    expect(steps).toBe(step + 6);
    expect(steps).toBeLessThan(40);
    expect(bests.map(([at]) => at)).toEqual(validations.map((line) => line.step));
    expect(bests.findLast(([, best]) => best)?.[0]).toBe(step);
  });
});

async function firstBatch(used: Recipe) {
  await using loader = new BatchLoader({
    dataset: split.train,
    sampler: createSampler(used.sampler, split.train.identities, used.seed),
    augmentation: used.augmentation,
    rule: manifestOf('bars', used, split),
    seed: used.seed,
    workers: 0,
  });
  return loader.next();
}

test.each([
  ['plain', recipe],
  ['with everything on', fullRecipe],
])('steps leave no tensor behind: %s', async (_, used) => {
  const start = tf.memory().numTensors;
  const trainer = new Trainer(used, 4);
  const batch = await firstBatch(used);
  await trainer.takeStep(batch);
  const before = tf.memory().numTensors;
  for (let i = 0; i < 3; i++) await trainer.takeStep(batch);
  expect(tf.memory().numTensors).toBe(before);
  trainer.dispose();
  expect(tf.memory().numTensors).toBe(start);
});

test('a loss that is not a number stops the run: the step, the pictures, the last good checkpoint', async () => {
  const directory = newDirectory();
  // A step this long takes the weights beyond what float32 holds.
  const wild = overrideRecipe(recipe, [
    'optimiser={"name": "sgd", "learningRate": 1e38}',
    'schedule={"name": "step", "warmupSteps": 5, "warmupFrom": 0, "milestones": [6], "factor": 0.5}',
  ]);
  const error: Error = await run(directory, { recipe: wild, checkpointEvery: 1 }).then(
    () => expect.fail('it went on'),
    (reason) => reason,
  );
  const [, step, pictures, good] =
    /^The (?:loss is|gradient's norm is) (?:NaN|-?Infinity) at step (\d+), for the pictures (.*)\. The last good checkpoint is that of step (\d+), .*checkpoint\.safetensors\.$/.exec(
      error.message,
    ) ?? [];
  expect(pictures?.split(', '), error.message).toHaveLength(8);
  expect(pictures).toMatch(/^(bars #\d+(, )?)+$/);
  expect(Number(good)).toBe(Number(step) - 1);
  const { trainer } = await readCheckpoint(join(directory, 'checkpoint.safetensors'));
  expect(trainer.step).toBe(Number(good));
  for (const [name, { data }] of trainer.parameters) expect(data.every(Number.isFinite), name).toBe(true);
});

test('a model that does not fit is said before the first step', () => {
  const even = { ...recipe, classWeights: 'even-on-circle' } as const;
  expect(() => new Trainer(even, 4)).toThrow('needs 2 dimensions, the model has 32');
});

test('class weights of the toy start evenly spread over the circle', async () => {
  const trainer = new Trainer(mnistToy, 4);
  const { shape, data } = (await trainer.state()).lossParameters.get('classWeights') as BundleTensor;
  expect(shape).toEqual([4, 2]);
  const rounded = [...data].map((value) => Math.round(value * 1e6) / 1e6 + 0);
  expect(rounded).toEqual([1, 0, 0, 1, -1, 0, 0, -1]);
  trainer.dispose();
});
