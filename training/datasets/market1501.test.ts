import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hasData, readDataText } from '../../test/data.ts';
import { asFiles, writeFiles, writePictures } from '../../test/picture-files.ts';
import { namedFiles } from './identity-camera-names.ts';
import { loadMarket1501 } from './market1501.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'softmargin-market-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

test('the three folders; junk is left out, a distractor kept, what is no picture passed over', async () => {
  await writePictures(directory, [
    'bounding_box_train/0002_c1s1_000451_03.jpg',
    'bounding_box_train/0002_c2s1_000301_00.jpg',
    'bounding_box_train/0007_c1s6_028546_01.jpg',
    'query/0001_c1s1_001051_00.jpg',
    'bounding_box_test/-1_c1s1_000401_03.jpg',
    'bounding_box_test/0000_c1s1_000151_01.jpg',
    'bounding_box_test/0001_c2s1_000301_00.jpg',
    'bounding_box_test/portrait.jpg',
  ]);
  writeFiles(directory, { 'bounding_box_test/Thumbs.db': 'no picture' });
  const { train, test: ranking, warnings, description } = await loadMarket1501(directory);
  expect([...train.identities]).toEqual([2, 2, 7]);
  expect([...train.cameras]).toEqual([1, 2, 1]);
  expect(ranking?.protocol).toBe('market1501');
  expect([...(ranking?.query.identities ?? [])]).toEqual([1]);
  expect([...(ranking?.gallery.identities ?? [])]).toEqual([0, 1]);
  expect(asFiles(ranking?.gallery).paths.map((path) => basename(path))).toEqual([
    '0000_c1s1_000151_01.jpg',
    '0001_c2s1_000301_00.jpg',
  ]);
  expect(description).toContain('1 junk pictures left out');
  expect(warnings).toEqual([
    'market1501 has 3 training pictures here; published are 12936. Scores will not compare with papers.',
    'market1501 has 1 queries here; published are 3368. Scores will not compare with papers.',
    'market1501 has 2 gallery pictures here; published are 15913. Scores will not compare with papers.',
    expect.stringMatching(/^1 pictures in .*bounding_box_test are left out.*: portrait.jpg\.$/),
  ]);
});

test('identities that are held out are ranked across cameras, and not trained on', async () => {
  await writePictures(directory, [
    ...[1, 2, 3, 4].flatMap((id) => [1, 2].map((c) => `bounding_box_train/000${id}_c${c}s1_000001_00.jpg`)),
    'query/0009_c1s1_000001_00.jpg',
    'bounding_box_test/0009_c2s1_000001_00.jpg',
  ]);
  const { train, validation, description } = await loadMarket1501(directory, { identities: 1, seed: 4 });
  const held = new Set(validation?.query.identities);
  expect(held.size).toBe(1);
  expect(validation?.query.count).toBe(2);
  expect(validation?.gallery).toBe(validation?.query);
  expect(validation?.protocol).toBe('market1501');
  expect([...train.identities].filter((identity) => held.has(identity))).toEqual([]);
  expect(train.count).toBe(6);
  expect(description).toContain('1 identities held out, seed 4');
});

test('a folder that is missing is named', async () => {
  await expect(loadMarket1501(directory)).rejects.toThrow(/Cannot read the folder .*softmargin-market-/);
});

const LISTS = ['train', 'query', 'test'].map((part) => `eval-fixtures/market1501_${part}.csv.gz`);

test.skipIf(!hasData(...LISTS))('all names of the real set', () => {
  const [train, query, gallery] = LISTS.map((list) => {
    const rows = readDataText(list).trim().split('\n');
    const files = namedFiles(
      list,
      '',
      rows.map((row) => row.split(',')[1]),
    );
    // The list says the identity too.
    const listed = rows.map((row) => Number(row.split(',')[0])).filter((identity) => identity !== -1);
    expect([...files.dataset.identities]).toEqual(listed);
    return files;
  });
  const count = (files: typeof train) => [
    files.dataset.count,
    new Set(files.dataset.identities).size,
    files.junk,
  ];
  expect(count(train)).toEqual([12_936, 751, 0]);
  expect(count(query)).toEqual([3_368, 750, 0]);
  // 750 and the distractors' 0.
  expect(count(gallery)).toEqual([15_913, 751, 3_819]);
  expect(new Set(gallery.dataset.cameras)).toEqual(new Set([1, 2, 3, 4, 5, 6]));
  expect([train, query, gallery].flatMap(({ warnings }) => warnings)).toEqual([]);
});
