import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { preprocess } from '@softmargin/shared/images/preprocess.ts';
import { createRandom } from '@softmargin/shared/random.ts';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { augmentationSchema } from '../augmentation/augmentation.ts';
import type { FileDataset, ImageDataset } from '../datasets/dataset.ts';
import { SequentialSampler } from '../sampling/sequential-sampler.ts';
import { UniformSampler } from '../sampling/uniform-sampler.ts';
import { BatchLoader, type BatchLoaderOptions } from './batch-loader.ts';
import type { Batch } from './prepare-batch.ts';

const directory = mkdtempSync(join(tmpdir(), 'softmargin-loader-'));
afterAll(() => rmSync(directory, { recursive: true }));

const rule: BatchLoaderOptions['rule'] = {
  input: { height: 12, width: 8, channels: 3 },
  preprocessing: {
    resize: 'bilinear-antialiased',
    invert: 'never',
    mean: [0.5, 0.4, 0.3],
    deviation: [0.2, 0.25, 0.3],
  },
};

const augmentation = augmentationSchema.parse({
  horizontalFlip: 0.5,
  padAndCrop: 2,
  affine: { rotation: 10, shear: 0.1 },
  colourJitter: { brightness: 0.2, hue: 0.1 },
  randomErasing: { probability: 0.5, fill: 'pixel' },
});

const COUNT = 12;
const decoded: { width: number; height: number; data: Uint8Array }[] = [];
const paths = Array.from({ length: COUNT }, (_, i) => join(directory, `${i}.png`));

beforeAll(async () => {
  for (const [i, path] of paths.entries()) {
    const [width, height] = [10 + i, 20 + i];
    const random = createRandom(i);
    const data = Uint8Array.from({ length: width * height * 4 }, (_, at) =>
      at % 4 === 3 ? 255 : random.integer(256),
    );
    decoded.push({ width, height, data });
    await sharp(data, { raw: { width, height, channels: 4 } })
      .png()
      .toFile(path);
  }
});

/** Labels 10, 10, 10, 20, 20, 20, … */
const files: FileDataset = {
  name: 'files',
  count: COUNT,
  paths,
  identities: Int32Array.from({ length: COUNT }, (_, i) => 10 * (1 + Math.floor(i / 3))),
  cameras: new Int32Array(COUNT),
};

const inMemory: ImageDataset = {
  name: 'pixels',
  count: 9,
  height: 5,
  width: 4,
  channels: 1,
  pixels: Uint8Array.from({ length: 180 }, (_, i) => (i * 91) % 256),
  identities: Int32Array.from({ length: 9 }, (_, i) => i % 3),
  cameras: new Int32Array(9),
};

async function batches(options: Partial<BatchLoaderOptions>, length: number): Promise<Batch[]> {
  await using loader = new BatchLoader({
    dataset: files,
    sampler: new UniformSampler((options.dataset ?? files).count, 5, 1),
    rule,
    seed: 1,
    ...options,
  });
  const made: Batch[] = [];
  while (made.length < length) made.push(await loader.next());
  return made;
}

test('without augmentation a picture is what the service makes of it', async () => {
  const [first, second] = await batches({ sampler: new SequentialSampler(COUNT, 7), workers: 1 }, 2);
  expect([first.shape, second.shape]).toEqual([
    [7, 12, 8, 3],
    [5, 12, 8, 3],
  ]);
  const expected = decoded.map((picture) => [...preprocess(picture, rule)]);
  expect([...first.images, ...second.images]).toEqual(expected.flat());
  expect([...first.items, ...second.items]).toEqual([...files.identities.keys()]);
  expect([...first.labels, ...second.labels]).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]);
});

describe.each([
  ['files', files],
  ['pixels', inMemory],
])('batches of %s depend on the seed and the step alone:', (_, dataset) => {
  const run = { dataset, augmentation };

  test('the number of threads and the prefetch change nothing', async () => {
    const expected = await batches({ ...run, workers: 0 }, 6);
    expect(expected.map(({ step }) => step)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(await batches({ ...run, workers: 1, prefetch: 1 }, 6)).toEqual(expected);
    expect(await batches({ ...run, workers: 3, prefetch: 7 }, 6)).toEqual(expected);
  });

  test('a run that is resumed goes on with the same batches', async () => {
    const whole = await batches({ ...run, workers: 0 }, 6);
    expect(await batches({ ...run, workers: 1, firstStep: 4 }, 2)).toEqual(whole.slice(4));
  });

  test('another seed, another step or another place in the batch is another variant', async () => {
    const same = { batch: () => Int32Array.of(4, 4) };
    const [first, second] = await batches({ ...run, sampler: same, workers: 0 }, 2);
    const [other] = await batches({ ...run, sampler: same, workers: 0, seed: 2 }, 1);
    const size = first.images.length / 2;
    const variants = [first, second, other].flatMap(({ images }) => [
      images.slice(0, size).join(),
      images.slice(size).join(),
    ]);
    expect(new Set(variants).size).toBe(6);
  });
});

describe('broken pictures', () => {
  const missing = join(directory, 'missing.png');
  const text = join(directory, 'text.jpg');
  const cut = join(directory, 'cut.jpg');
  const broken = { ...files, paths: paths.map((path, i) => ({ 1: missing, 2: text, 8: cut })[i] ?? path) };

  beforeAll(async () => {
    writeFileSync(text, 'no picture');
    const jpeg = await sharp(paths[0]).resize(200, 200).jpeg().toBuffer();
    writeFileSync(cut, jpeg.subarray(0, jpeg.length / 2));
  });

  test('are reported once each, and replaced by the next of their identity, whatever the threads', async () => {
    const all = { batch: () => Int32Array.from(paths.keys()) };
    const reports: string[] = [];
    const onBroken = (path: string, reason: string) => reports.push(`${path}: ${reason}`);
    const [first] = await batches({ dataset: broken, sampler: all, workers: 1, onBroken }, 3);
    expect([...first.items]).toEqual([0, 0, 0, 3, 4, 5, 6, 7, 6, 9, 10, 11]);
    expect([...first.labels]).toEqual([0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]);
    expect(reports.map((report) => report.slice(0, report.indexOf(':'))).sort()).toEqual(
      [cut, missing, text].sort(),
    );
    const [same] = await batches({ dataset: broken, sampler: all, workers: 0 }, 1);
    expect(same).toEqual(first);
  });

  test('of a whole identity are replaced by those of the next', async () => {
    const dataset = { ...files, paths: paths.map((path, i) => (i < 3 ? `${missing}.${i}` : path)) };
    const [batch] = await batches({ dataset, sampler: { batch: () => Int32Array.of(1) }, workers: 0 }, 1);
    expect([batch.items[0], batch.labels[0]]).toEqual([3, 1]);
  });

  test('are left out where nothing may take their place', async () => {
    const sampler = new SequentialSampler(COUNT, 6);
    const run = { dataset: broken, sampler, broken: 'leave-out', workers: 1 } as const;
    const [first, second] = await batches(run, 2);
    expect([...first.items, ...second.items]).toEqual([0, 3, 4, 5, 6, 7, 9, 10, 11]);
    expect(first.shape[0]).toBe(4);
  });

  test('beyond the limit stop the run, each named', async () => {
    const all = { batch: () => Int32Array.from(paths.keys()) };
    const run = { dataset: broken, sampler: all, workers: 1, brokenLimit: 2 };
    const error = await batches(run, 1).then(
      () => undefined,
      (reason: Error) => reason.message,
    );
    expect(error).toContain('3 pictures are broken, and the limit is 2:');
    for (const path of [missing, text, cut]) expect(error).toContain(path);
  });

  test('a folder that went away is not searched from end to end', async () => {
    const dataset = { ...files, paths: paths.map((path) => `${path}.gone`) };
    const run = { dataset, sampler: { batch: () => Int32Array.of(0) }, workers: 0, brokenLimit: 3 };
    await expect(batches(run, 1)).rejects.toThrow('4 pictures are broken, and the limit is 3:');
  });
});

test('batches end before the end step', async () => {
  const sampler = new SequentialSampler(COUNT, 5);
  await using loader = new BatchLoader({
    dataset: files,
    sampler,
    rule,
    seed: 1,
    workers: 1,
    endStep: sampler.steps,
  });
  const sizes = [
    (await loader.next()).shape[0],
    (await loader.next()).shape[0],
    (await loader.next()).shape[0],
  ];
  expect(sizes).toEqual([5, 5, 2]);
  await expect(loader.next()).rejects.toThrow('The batches end before step 3.');
});

test('a batch being waited for is rejected when the loader is closed', async () => {
  const loader = new BatchLoader({
    dataset: files,
    sampler: new UniformSampler(COUNT, 5, 1),
    rule,
    seed: 1,
    workers: 1,
  });
  const waiting = expect(loader.next()).rejects.toThrow('The loader was closed.');
  await loader.close();
  await waiting;
  await expect(loader.next()).rejects.toThrow('The loader was closed.');
});

test('the seconds waited grow by what next takes', async () => {
  await using loader = new BatchLoader({
    dataset: files,
    sampler: new UniformSampler(COUNT, 5, 1),
    rule,
    seed: 1,
    workers: 1,
  });
  expect(loader.waitedSeconds).toBe(0);
  const started = performance.now();
  await loader.next();
  const first = loader.waitedSeconds;
  expect(first).toBeGreaterThan(0);
  expect(first).toBeLessThanOrEqual((performance.now() - started) / 1000);
});
