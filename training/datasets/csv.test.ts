import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { asFiles, writeFiles } from '../../test/picture-files.ts';
import { loadCsv } from './csv.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'softmargin-csv-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function load(lines: string[], options?: Parameters<typeof loadCsv>[1]) {
  writeFiles(directory, { 'list.csv': `${lines.join('\n')}\n` });
  return loadCsv(join(directory, 'list.csv'), options);
}

test('path and identity are enough: everything is trained on, by camera 0', async () => {
  const split = await load(['path,identity', 'a/1.jpg,17', '"b, or c.jpg",-3', '/data/x.png,17']);
  expect(split.train).toEqual({
    name: 'list.csv (train)',
    count: 3,
    paths: [join(directory, 'a/1.jpg'), join(directory, 'b, or c.jpg'), '/data/x.png'],
    identities: Int32Array.of(17, -3, 17),
    cameras: new Int32Array(3),
  });
  expect([split.test, split.validation, split.warnings]).toEqual([undefined, undefined, []]);
});

test('names are numbered in their order', async () => {
  const { train } = await load([
    'group,identity,camera,path',
    'x,Pear,shop,1',
    'y,Apple,home,2',
    'x,Pear,home,3',
  ]);
  expect([...train.identities]).toEqual([1, 0, 1]);
  expect([...train.cameras]).toEqual([1, 0, 0]);
  expect([...(train.groups ?? [])]).toEqual([0, 1, 0]);
});

test('the split column tells queries and gallery apart; cameras decide the protocol', async () => {
  const rows = ['a,1,1,train', 'b,2,1,query', 'c,2,2,gallery', 'd,1,2,train', 'e,3,2,gallery'];
  const { train, test: ranking } = await load(['path,identity,camera,split', ...rows]);
  expect([...train.identities]).toEqual([1, 1]);
  expect([...(ranking?.query.identities ?? [])]).toEqual([2]);
  expect(asFiles(ranking?.gallery).paths).toEqual([join(directory, 'c'), join(directory, 'e')]);
  expect(ranking?.protocol).toBe('market1501');
  const without = rows.map((row) => row.split(',')).map(([path, id, , split]) => [path, id, split].join());
  expect((await load(['path,identity,split', ...without])).test?.protocol).toBe('none');
  const chosen = await load(['path,identity,camera,split', ...rows], { protocol: 'veri776' });
  expect(chosen.test?.protocol).toBe('veri776');
});

test('test pictures are ranked each against the others', async () => {
  const { test: ranking } = await load(['path,identity,split', 'a,1,train', 'b,2,test', 'c,2,test']);
  expect(ranking?.query.count).toBe(2);
  expect(ranking?.gallery).toBe(ranking?.query);
  expect(ranking?.protocol).toBe('all');
});

test('identities can be held out', async () => {
  const { train, validation } = await load(['path,identity', 'a,1', 'b,1', 'c,2', 'd,2', 'e,3'], {
    holdOut: { identities: 2, seed: 1 },
  });
  const [left, held] = [new Set(train.identities), new Set(validation?.query.identities)];
  expect([left.size, held.size, new Set([...left, ...held]).size]).toEqual([1, 2, 3]);
  expect(validation?.protocol).toBe('all');
});

test('a picture that is listed twice is a warning', async () => {
  const { warnings } = await load(['path,identity', 'a,1', 'b,2', 'a,1']);
  expect(warnings).toEqual(['1 pictures are listed more than once: a.']);
});

test.each([
  [['path,label', 'a,1'], /list.csv: line 1: there is no column "label"/],
  [['path,identity,camera', 'a,1'], /list.csv: line 2 has 2 fields for 3 columns/],
  [['path,identity', 'a,1', 'b,'], /list.csv: line 3: identity is empty/],
  [['path,identity,split', 'a,1,train', 'b,1,valid'], /line 3: split is "valid", not one of train, query/],
  [['path,identity,split', 'a,1,test'], /no picture is to be trained on/],
  [['path,identity,split', 'a,1,train', 'b,1,query'], /there are 1 queries and 0 gallery pictures/],
  [
    ['path,identity,split', 'a,1,train', 'b,1,query', 'b,1,gallery', 'c,2,test'],
    /both test, and query and gallery/,
  ],
])('a list that is wrong is an error that names the place', async (lines, message) => {
  await expect(load(lines)).rejects.toThrow(message);
});

test('a list that is not there is named', async () => {
  await expect(loadCsv(join(directory, 'none.csv'))).rejects.toThrow(/Cannot read .*none.csv/);
});
