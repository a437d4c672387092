import { expect, test } from 'vitest';
import { parseQueryTable } from './query-table.ts';

test('lines are read, skipped queries without scores', () => {
  const text = `query,identity,camera,averagePrecision,firstMatchRank,skipped\n0,7,1,0.5,2,false\n1,-1,3,,,true\n`;
  expect(parseQueryTable(text)).toEqual([
    { query: 0, identity: 7, camera: 1, averagePrecision: 0.5, firstMatchRank: 2 },
    { query: 1, identity: -1, camera: 3, averagePrecision: undefined, firstMatchRank: undefined },
  ]);
});

test('other columns are refused', () => {
  expect(() => parseQueryTable('query,score\n0,1\n')).toThrow(/query,score/);
});
