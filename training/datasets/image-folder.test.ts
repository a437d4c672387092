import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PreprocessingRule } from '@softmargin/shared/images/preprocess.ts';
import { unzip } from '@softmargin/shared/sets/zip.ts';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hasData, readData } from '../../test/data.ts';
import { asFiles, writeFiles } from '../../test/picture-files.ts';
import { BatchLoader } from '../loading/batch-loader.ts';
import { SequentialSampler } from '../sampling/sequential-sampler.ts';
import { loadImageFolder } from './image-folder.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'softmargin-folder-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const empty = (...names: string[]) =>
  writeFiles(directory, Object.fromEntries(names.map((name) => [name, ''])));

test('each folder is an identity, however deep it stands', async () => {
  empty(
    'pear/b.jpg',
    'pear/a.PNG',
    'apple/red/1.jpeg',
    'apple/green/1.webp',
    'pear/notes.txt',
    'pear/.c.jpg',
  );
  const { train, test: ranking } = await loadImageFolder(directory);
  expect(asFiles(train).paths).toEqual(
    ['apple/green/1.webp', 'apple/red/1.jpeg', 'pear/a.PNG', 'pear/b.jpg'].map((path) =>
      join(directory, path),
    ),
  );
  expect([...train.identities]).toEqual([0, 1, 2, 2]);
  expect([...train.cameras]).toEqual([0, 0, 0, 0]);
  expect(ranking).toBeUndefined();
});

test('train, query and gallery; an identity is the same in all of them', async () => {
  empty(
    'train/a/1.jpg',
    'train/c/1.jpg',
    'query/b/1.jpg',
    'gallery/b/2.jpg',
    'gallery/d/1.jpg',
    'gallery/a/5.jpg',
  );
  const { train, test: ranking } = await loadImageFolder(directory);
  expect([...train.identities]).toEqual([0, 2]);
  expect([...(ranking?.query.identities ?? [])]).toEqual([1]);
  expect([...(ranking?.gallery.identities ?? [])]).toEqual([0, 1, 3]);
  expect(ranking?.protocol).toBe('none');
});

test('train and test', async () => {
  empty('train/a/1.jpg', 'test/b/1.jpg', 'test/b/2.jpg');
  const { test: ranking } = await loadImageFolder(directory);
  expect(ranking?.query.count).toBe(2);
  expect(ranking?.gallery).toBe(ranking?.query);
  expect(ranking?.protocol).toBe('all');
});

test('identities can be held out, but not all of them', async () => {
  empty('a/1.jpg', 'a/2.jpg', 'b/1.jpg', 'c/1.jpg');
  const { train, validation } = await loadImageFolder(directory, { identities: 2, seed: 3 });
  const [left, held] = [new Set(train.identities), new Set(validation?.query.identities)];
  expect([left.size, held.size, new Set([...left, ...held]).size]).toEqual([1, 2, 3]);
  await expect(loadImageFolder(directory, { identities: 3, seed: 3 })).rejects.toThrow(
    /^3 identities are to be held out; .* has 3 to train on\.$/,
  );
});

test.each([
  [['a/1.jpg', 'stray.jpg'], /stray.jpg is in no identity's folder/],
  [['notes.txt'], /There is no picture in/],
  [['train/a/1.jpg', 'query/a/2.jpg'], /has a query folder without the other/],
  [['train/a/1.jpg', 'query/a/2.jpg', 'gallery/a/3.jpg', 'test/a/4.jpg'], /both test, and query and gallery/],
])('a folder that is laid out otherwise is an error', async (names, message) => {
  empty(...names);
  await expect(loadImageFolder(directory)).rejects.toThrow(message);
});

const GROCERY = ['grocery-store/train.zip', 'grocery-store/val.zip'];

test.skipIf(!hasData(...GROCERY))('real photos of groceries: all of them decode', async () => {
  for (const archive of GROCERY) {
    const files = unzip(readData(archive), (name) => name.endsWith('.jpg'));
    const renamed = Object.entries(files).map(([name, bytes]) => [name.replace(/^val/, 'test'), bytes]);
    writeFiles(directory, Object.fromEntries(renamed));
  }
  const { train, test: ranking } = await loadImageFolder(directory);
  expect([train.count, new Set(train.identities).size]).toEqual([2_640, 81]);
  expect(ranking?.query.count).toBe(296);
  const held = asFiles(ranking?.query);
  const unknown = [...held.identities].filter((identity) => !train.identities.includes(identity));
  expect(unknown).toEqual([]);

  const sampler = new SequentialSampler(held.count, 37);
  const rule: PreprocessingRule = {
    input: { height: 32, width: 32, channels: 3 },
    preprocessing: { resize: 'bilinear-antialiased', invert: 'never', mean: [0, 0, 0], deviation: [1, 1, 1] },
  };
  await using loader = new BatchLoader({
    dataset: held,
    sampler,
    rule,
    seed: 1,
    endStep: sampler.steps,
    broken: 'leave-out',
  });
  let sum = 0;
  for (let step = 0; step < sampler.steps; step++) {
    const { images } = await loader.next();
    sum += images.reduce((total, value) => total + value, 0);
  }
  expect(loader.broken).toEqual(new Map());
  const mean = sum / (held.count * 32 * 32 * 3);
  expect(mean).toBeGreaterThan(0.2);
  expect(mean).toBeLessThan(0.6);
});
