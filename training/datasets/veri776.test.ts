import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { asFiles, writeFiles } from '../../test/picture-files.ts';
import { loadVeri776 } from './veri776.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'softmargin-veri-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const TRAIN = ['0001_c001_00016450_0.jpg', '0001_c002_00016470_0.jpg', '0003_c020_00000001_0.jpg'];
const QUERY = ['0002_c002_00030600_0.jpg', '0005_c003_00077625_0.jpg'];
const GALLERY = [
  '0002_c001_00030600_1.jpg',
  '0005_c003_00077630_0.jpg',
  '0002_c002_00030605_0.jpg',
  '0002_c003_00030640_0.jpg',
];

const label = (name: string, vehicle = name.slice(0, 4), camera = name.slice(5, 9)) =>
  `<Item imageName="${name}" vehicleID="${vehicle}" cameraID="${camera}" colorID="1" typeID="4"/>`;

function xml(items: string[]): string {
  return `<?xml version="1.0" encoding="gb2312"?>\n<TrainingImages Version="1.0"><Items number="37778">${items.join('\n')}</Items></TrainingImages>`;
}

const files = {
  'name_train.txt': `${TRAIN.join('\r\n')}\r\n`,
  'name_query.txt': `${QUERY.join('\n')}\n`,
  'name_test.txt': GALLERY.join('\n'),
  'train_label.xml': xml(TRAIN.map((name) => label(name))),
  // Rows of the queries; places in the gallery count from 1. The second has no match in another camera.
  'gt_index.txt': '1 4 \n\n',
  'jk_index.txt': '3\n2\n',
};

const counts = [
  'veri776 has 3 training pictures here; published are 37778. Scores will not compare with papers.',
  'veri776 has 2 queries here; published are 1678. Scores will not compare with papers.',
  'veri776 has 4 gallery pictures here; published are 11579. Scores will not compare with papers.',
];

test('the lists, with what the other files say of them', async () => {
  writeFiles(directory, files);
  const { train, test: ranking, warnings } = await loadVeri776(directory);
  expect([...train.identities]).toEqual([1, 1, 3]);
  expect([...train.cameras]).toEqual([1, 2, 20]);
  expect(asFiles(train).paths[2]).toBe(join(directory, 'image_train', TRAIN[2]));
  expect(ranking?.protocol).toBe('veri776');
  expect([...(ranking?.query.cameras ?? [])]).toEqual([2, 3]);
  expect([...(ranking?.gallery.identities ?? [])]).toEqual([2, 5, 2, 2]);
  expect(asFiles(ranking?.gallery).paths[0]).toBe(join(directory, 'image_test', GALLERY[0]));
  expect(warnings).toEqual(counts);
});

test('only the lists have to be there', async () => {
  const { 'train_label.xml': _, 'gt_index.txt': __, 'jk_index.txt': ___, ...lists } = files;
  writeFiles(directory, lists);
  expect((await loadVeri776(directory)).warnings).toEqual(counts);
  rmSync(join(directory, 'name_query.txt'));
  await expect(loadVeri776(directory)).rejects.toThrow(/Cannot read .*name_query.txt/);
});

test.each([
  [
    { 'train_label.xml': xml([label(TRAIN[0]), label(TRAIN[1], '0009'), label(TRAIN[2], '0003', 'c019')]) },
    /train_label.xml and the names differ for 2 pictures: 0001_c002_00016470_0.jpg is 9 by camera 2, not 1 by camera 2/,
  ],
  [{ 'train_label.xml': xml([]) }, /differ for 3 pictures: .* is nothing, not 1 by camera 1/],
  [
    { 'gt_index.txt': '1 3\n\n' },
    /gt_index.txt and the protocol differ on the matches of 1 queries, the first .*0002_c002/,
  ],
  [
    { 'jk_index.txt': '3\n\n' },
    /jk_index.txt and the protocol differ on the junk of 1 queries, the first .*0005_c003/,
  ],
  [{ 'gt_index.txt': '1 4\n' }, /gt_index.txt has 1 lines for 2 queries/],
  [
    { 'name_test.txt': [...GALLERY, 'car.jpg'].join('\n') },
    /1 pictures in .*image_test are left out.*car.jpg/,
  ],
])('what does not fit together is a warning', async (changed, message) => {
  writeFiles(directory, { ...files, ...changed });
  const { warnings } = await loadVeri776(directory);
  expect(warnings.filter((warning) => !counts.includes(warning))).toEqual([expect.stringMatching(message)]);
});
