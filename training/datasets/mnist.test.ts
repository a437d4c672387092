import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { dataPath, hasData } from '../../test/data.ts';
import { splitByPicture } from './dataset.ts';
import { loadMnistDirectory, loadMnistPackage } from './mnist.ts';

const directory = mkdtempSync(join(tmpdir(), 'softmargin-idx-'));
afterAll(() => rmSync(directory, { recursive: true }));

function idx(type: number, shape: number[], data: Uint8Array): Buffer {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header.set([0, 0, type, shape.length]);
  for (const [axis, length] of shape.entries()) header.writeUInt32BE(length, 4 + 4 * axis);
  return gzipSync(Buffer.concat([header, data]));
}

function writeSmallMnist(): void {
  for (const [part, count] of [
    ['train', 3],
    ['t10k', 2],
  ] as const) {
    const pixels = Uint8Array.from({ length: count * 784 }, (_, i) => i % 251);
    writeFileSync(join(directory, `${part}-images-idx3-ubyte.gz`), idx(8, [count, 28, 28], pixels));
    writeFileSync(
      join(directory, `${part}-labels-idx1-ubyte.gz`),
      idx(8, [count], Uint8Array.of(7, 1, 9).slice(0, count)),
    );
    rmSync(join(directory, `${part}-writers-idx2-int.gz`), { force: true });
  }
}

test('the package has 10,000 real digits', async () => {
  const { count, identities, pixels } = await loadMnistPackage();
  expect(count).toBe(10_000);
  expect(pixels.length).toBe(10_000 * 784);
  expect([...new Set(identities)]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  const mean = pixels.reduce((sum, value) => sum + value, 0) / pixels.length / 255;
  // The mean of all of MNIST, 0.1307, within what a sample of a seventh of it differs.
  expect(Math.abs(mean - 0.1307)).toBeLessThan(0.002);
});

test('the split by picture is disjoint, complete, stratified and decided by the seed', async () => {
  const dataset = await loadMnistPackage();
  const numbered = { ...dataset, cameras: Int32Array.from(dataset.identities.keys()) };
  const [train, held] = splitByPicture(numbered, 0.2, 3);
  expect(new Set([...train.cameras, ...held.cameras]).size).toBe(dataset.count);
  expect(train.count + held.count).toBe(dataset.count);
  for (let digit = 0; digit < 10; digit++) {
    const count = (labels: Int32Array) => labels.filter((label) => label === digit).length;
    expect(count(held.identities)).toBe(Math.round(0.2 * count(dataset.identities)));
  }
  expect(splitByPicture(numbered, 0.2, 3)[1].cameras).toEqual(held.cameras);
  expect(splitByPicture(numbered, 0.2, 4)[1].cameras).not.toEqual(held.cameras);
});

test('reads IDX files; without writer files every camera is 0', async () => {
  writeSmallMnist();
  const { train, test: held } = await loadMnistDirectory(directory);
  expect([train.count, held.count]).toEqual([3, 2]);
  expect([...train.identities]).toEqual([7, 1, 9]);
  expect([...train.cameras]).toEqual([0, 0, 0]);
  expect(train.pixels[784 + 5]).toBe(789 % 251);
});

test('the writer is the camera where writer files are there', async () => {
  writeSmallMnist();
  const rows = Buffer.alloc(3 * 3 * 4);
  for (const [i, value] of [7, 0, 2000, 1, 0, -3, 9, 4, 70_000].entries()) rows.writeInt32BE(value, 4 * i);
  writeFileSync(join(directory, 'train-writers-idx2-int.gz'), idx(0x0c, [3, 3], rows));
  expect([...(await loadMnistDirectory(directory)).train.cameras]).toEqual([2000, -3, 70_000]);
});

test.each([
  ['missing', () => rmSync(join(directory, 'train-images-idx3-ubyte.gz')), /Cannot read .*train-images/],
  ['no gzip', () => writeFileSync(join(directory, 'train-images-idx3-ubyte.gz'), 'no'), /not a gzip file/],
  [
    'no IDX',
    () => writeFileSync(join(directory, 'train-images-idx3-ubyte.gz'), gzipSync('none')),
    /not an IDX/,
  ],
  [
    'too short',
    () =>
      writeFileSync(join(directory, 'train-images-idx3-ubyte.gz'), idx(8, [3, 28, 28], new Uint8Array(9))),
    /train-images.* holds \[3,28,28\] but 9 bytes/,
  ],
  [
    'of another size',
    () => writeFileSync(join(directory, 'train-images-idx3-ubyte.gz'), idx(8, [3, 2, 2], new Uint8Array(12))),
    /\[3,2,2\], not pictures of 28×28/,
  ],
  [
    'other labels',
    () => writeFileSync(join(directory, 'train-labels-idx1-ubyte.gz'), idx(8, [2], new Uint8Array(2))),
    /\[2\] labels for 3 pictures/,
  ],
])('a file that is %s is named', async (_, breakIt, message) => {
  writeSmallMnist();
  breakIt();
  await expect(loadMnistDirectory(directory)).rejects.toThrow(message);
});

test.skipIf(!hasData('mnist/train-images-idx3-ubyte.gz'))(
  'reads all of MNIST, with its writers',
  async () => {
    const { train, test: held } = await loadMnistDirectory(dataPath('mnist'));
    expect([train.count, held.count]).toEqual([60_000, 10_000]);
    expect([...train.identities.subarray(0, 5)]).toEqual([5, 0, 4, 1, 9]);
    const [writers, otherWriters] = [new Set(train.cameras), new Set(held.cameras)];
    expect([writers.size, otherWriters.size]).toEqual([539, 297]);
    expect([...writers].filter((writer) => otherWriters.has(writer))).toEqual([]);
  },
);
