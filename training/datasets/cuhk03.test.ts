import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { File, type Dataset as Hdf5Dataset, ready } from 'h5wasm/node';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PROTOCOL_FILES, SCIPY_PROTOCOL } from '../../test/matlab.ts';
import { asFiles, writeFiles, writePictures } from '../../test/picture-files.ts';
import { loadCuhk03 } from './cuhk03.ts';
import type { Dataset, DatasetSplit } from './dataset.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'softmargin-cuhk03-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** [file, identity, camera] of each item. */
function items(dataset: Dataset | undefined) {
  const { paths, identities, cameras } = asFiles(dataset);
  return paths.map((path, i) => [basename(path), identities[i], cameras[i]]);
}

function expectProtocolFile(split: DatasetSplit): void {
  expect(items(split.train)).toEqual([
    ['1_001_1_01.png', 1, 1],
    ['1_001_2_06.png', 1, 2],
  ]);
  expect(items(split.test?.query)).toEqual([['1_002_1_01.png', 2, 1]]);
  expect(items(split.test?.gallery)).toEqual([
    ['5_049_2_10.png', 77, 2],
    ['2_003_1_01.png', 300, 1],
  ]);
  expect(split.test?.protocol).toBe('cuhk03-np');
}

describe('from the official file', () => {
  const persons = [2, 3, 1, 1, 49];
  /** Each picture is of one size and colour by its place. */
  const size = (pair: number, person: number, picture: number) => [8 + pair + picture, 20 + (person % 7)];
  const value = (x: number, y: number, c: number) => (7 * x + 31 * y + 100 * c) % 256;
  const kept = (pair: number, person: number, picture: number) =>
    PROTOCOL_FILES.some((file) => {
      const [p, q, , i] = file.slice(0, -4).split('_').map(Number);
      return p === pair + 1 && q === person + 1 && i === picture + 1;
    });

  /** As MATLAB 7.3 writes it: cells of references, and all arrays turned on their side. */
  async function writeMat(path: string): Promise<void> {
    await ready;
    const file = new File(path, 'w');
    const group = file.create_group('#refs#');
    let count = 0;
    const store = (data: Parameters<typeof group.create_dataset>[0]['data'], shape: number[]): Hdf5Dataset =>
      group.create_dataset({ name: `r${count++}`, data, shape });
    const pairs = persons.map((people, pair) => {
      const cells = [];
      for (let picture = 0; picture < 10; picture++) {
        for (let person = 0; person < people; person++) {
          const [width, height] = size(pair, person, picture);
          const pixels: number[] = [];
          for (let c = 0; c < 3; c++) {
            for (let x = 0; x < width; x++) for (let y = 0; y < height; y++) pixels.push(value(x, y, c));
          }
          const stored = kept(pair, person, picture)
            ? store(Uint8Array.from(pixels), [3, width, height])
            : store(new BigUint64Array(2), [2]);
          cells.push(stored.create_reference());
        }
      }
      return store(cells, [10, people]).create_reference();
    });
    file.create_dataset({ name: 'labeled', data: pairs, shape: [1, 5] });
    file.close();
  }

  test('the pictures are extracted once, named as torchreid names them, to the pixel', async () => {
    writeFiles(directory, {
      'cuhk03_release/.keep': '',
      'cuhk03_new_protocol_config_labeled.mat': SCIPY_PROTOCOL,
    });
    const mat = join(directory, 'cuhk03_release', 'cuhk-03.mat');
    await writeMat(mat);
    const notes: string[] = [];
    const split = await loadCuhk03(directory, 'labeled', undefined, (note) => notes.push(note));
    expectProtocolFile(split);
    expect(split.description).toBe('the 767/700 split of cuhk03_new_protocol_config_labeled.mat');
    expect(notes).toEqual([
      `Extracting the labeled pictures of ${mat} to ${directory}/images_labeled, once.`,
    ]);
    expect(readdirSync(join(directory, 'images_labeled')).sort()).toEqual([...PROTOCOL_FILES].sort());
    for (const [file, pair, person, picture] of [
      ['1_001_2_06.png', 0, 0, 5],
      ['5_049_2_10.png', 4, 48, 9],
    ] as const) {
      const { data, info } = await sharp(join(directory, 'images_labeled', file))
        .raw()
        .toBuffer({ resolveWithObject: true });
      const [width, height] = size(pair, person, picture);
      expect([info.width, info.height, info.channels]).toEqual([width, height, 3]);
      const expected = Array.from({ length: width * height * 3 }, (_, i) =>
        value(Math.floor(i / 3) % width, Math.floor(i / 3 / width), i % 3),
      );
      expect([...data]).toEqual(expected);
    }

    rmSync(mat);
    expectProtocolFile(await loadCuhk03(directory, 'labeled'));
  });

  test('a file that is not HDF5, or without the boxes that are asked for, is named; no folder is left', async () => {
    writeFiles(directory, {
      'cuhk-03.mat': 'no HDF5',
      'cuhk03_new_protocol_config_labeled.mat': SCIPY_PROTOCOL,
      'cuhk03_new_protocol_config_detected.mat': SCIPY_PROTOCOL,
    });
    await expect(loadCuhk03(directory, 'labeled')).rejects.toThrow(/cuhk-03.mat is no MATLAB 7.3 file/);
    await writeMat(join(directory, 'cuhk-03.mat'));
    await expect(loadCuhk03(directory, 'detected')).rejects.toThrow(
      /cuhk-03.mat: detected is not a cell array/,
    );
    expect(existsSync(join(directory, 'images_detected'))).toBe(false);
  });

  test('without the file the error says where it was looked for', async () => {
    writeFiles(directory, { 'cuhk03_new_protocol_config_labeled.mat': SCIPY_PROTOCOL });
    await expect(loadCuhk03(directory, 'labeled')).rejects.toThrow(/neither a folder .*cuhk-03.mat/);
  });
});

describe('from the folder that torchreid leaves', () => {
  const list = (...files: [string, number, number][]) =>
    files.map(([file, identity, camera]) => [
      `/home/somebody/data/cuhk03/images_detected/${file}`,
      identity,
      camera,
    ]);

  test('pictures of the split file, wherever it was written', async () => {
    const split = {
      train: list(['1_001_1_01.png', 1, 0], ['1_001_2_06.png', 1, 1]),
      query: list(['1_002_1_01.png', 2, 0]),
      gallery: list(['5_049_2_10.png', 77, 1], ['2_003_1_01.png', 300, 0]),
      num_train_pids: 1,
    };
    writeFiles(directory, { 'splits_new_detected.json': JSON.stringify([split]) });
    await writePictures(join(directory, 'images_detected'), PROTOCOL_FILES);
    const loaded = await loadCuhk03(directory, 'detected');
    expectProtocolFile(loaded);
    expect(loaded.warnings).toEqual([
      'cuhk03-detected has 2 training pictures here; published are 7365. Scores will not compare with papers.',
      'cuhk03-detected has 1 queries here; published are 1400. Scores will not compare with papers.',
      'cuhk03-detected has 2 gallery pictures here; published are 5332. Scores will not compare with papers.',
    ]);
  });

  test.each([
    ['{}', /splits_new_labeled.json: /],
    [
      JSON.stringify([{ train: list(['portrait.png', 1, 0]), query: [], gallery: [] }]),
      /"portrait.png" is no name/,
    ],
    ['{', /splits_new_labeled.json: /],
  ])('a split file that is wrong is named', async (text, message) => {
    writeFiles(directory, { 'splits_new_labeled.json': text });
    await expect(loadCuhk03(directory, 'labeled')).rejects.toThrow(message);
  });
});

test('from the folders of CUHK03-NP', async () => {
  await writePictures(join(directory, 'labeled'), [
    'bounding_box_train/0003_c1_1.png',
    'bounding_box_train/0003_c2_6.png',
    'query/0001_c1_1.png',
    'bounding_box_test/0001_c2_7.png',
  ]);
  const split = await loadCuhk03(directory, 'labeled');
  expect(items(split.train)).toEqual([
    ['0003_c1_1.png', 3, 1],
    ['0003_c2_6.png', 3, 2],
  ]);
  expect(items(split.test?.query)).toEqual([['0001_c1_1.png', 1, 1]]);
  expect(items(split.test?.gallery)).toEqual([['0001_c2_7.png', 1, 2]]);
  expect(split.warnings).toHaveLength(3);
});

test('a folder with none of them is an error that says what was looked for', async () => {
  await expect(loadCuhk03(directory, 'detected')).rejects.toThrow(
    'neither detected/bounding_box_train, nor splits_new_detected.json, nor cuhk03_new_protocol_config_detected.mat.',
  );
});
