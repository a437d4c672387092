import { env } from 'cloudflare:workers';
import { blockOf } from '@softmargin/shared/metrics/blocks.ts';
import { createRandom } from '@softmargin/shared/random.ts';
import { expect, test } from 'vitest';
import { randomSet } from '../../test/slow-evaluation.ts';
import { rowsPerBlockOf } from './block-writer.ts';
import { SetContent } from './content.ts';
import { storeContent } from './store-set.ts';

const set = randomSet(createRandom(1), 150, 8192, (random) => random.normal());

test('every range of rows is read back as it was stored, across blocks', async () => {
  const content = await SetContent.open(env.STORE, (await storeContent(env.STORE, set)).sha256);
  expect(content.index.rowsPerBlock).toBe(64);
  expect(content.index.blocks).toHaveLength(3);
  for (const [start, count] of [
    [0, 150],
    [0, 1],
    [63, 2],
    [64, 64],
    [10, 130],
    [149, 1],
  ]) {
    expect(await content.rows(start, count)).toEqual(blockOf(set, start, count));
  }
  expect(await content.labels()).toEqual({ identities: set.identities, cameras: set.cameras });
});

test('groups are stored with the labels, and a set without has the name it had', async () => {
  const groups = set.identities.map((identity) => 7 * identity);
  const name = (await storeContent(env.STORE, { ...set, groups })).sha256;
  expect(name).not.toBe((await storeContent(env.STORE, set)).sha256);
  const { identities, cameras } = set;
  expect(await (await SetContent.open(env.STORE, name)).labels()).toEqual({ identities, cameras, groups });
});

test('the gallery is its blocks', async () => {
  const content = await SetContent.open(env.STORE, (await storeContent(env.STORE, set)).sha256);
  const gallery = content.gallery(await content.labels());
  expect(await gallery.read(2)).toEqual(blockOf(set, 128, 22));
});

test.each([7, 20, 64, 100, 1000])(
  'tiles of at most %i rows are the set, one after the other',
  async (most) => {
    const content = await SetContent.open(env.STORE, (await storeContent(env.STORE, set)).sha256);
    const { count, rowsPerBlock, read } = content.tiles(most);
    expect(count).toBe(150);
    expect(rowsPerBlock).toBeLessThanOrEqual(Math.min(most, 64));
    for (let tile = 0; tile * rowsPerBlock < count; tile++) {
      const start = tile * rowsPerBlock;
      expect(await read(tile)).toEqual(blockOf(set, start, Math.min(rowsPerBlock, count - start)));
    }
  },
);

test.each([
  [1, 8192],
  [512, 1024],
  [8192, 64],
])('a row of %i numbers lies in a block of %i', (dimension, rows) => {
  expect(rowsPerBlockOf(dimension)).toBe(rows);
});
