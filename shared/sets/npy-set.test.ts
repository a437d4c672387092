import { describe, expect, test } from 'vitest';
import { SetError } from './embedding-set.ts';
import { serialiseNpy } from './npy.ts';
import { parseNpySet } from './npy-set.ts';

const features = serialiseNpy(Float32Array.of(1, 2, 3, 4), [2, 2]);
const set = {
  count: 2,
  dimension: 2,
  features: Float32Array.of(1, 2, 3, 4),
  identities: Int32Array.of(-1, 7),
  cameras: Int32Array.of(1, 2),
};

describe('labels as CSV beside a bare array', () => {
  test.each([
    ['in order', 'identity,camera\n-1,1\n7,2\n'],
    ['in another order, from Windows', '\uFEFFcamera,identity\r\n1,-1\r\n2,7\r\n'],
    ['with paths', 'path,identity,camera\n"a, ""b"".jpg",-1,1\nc.jpg,7,2'],
    ['in quotes', '"identity","camera"\n"-1","1"\n7,2'],
  ])('%s', (_, labels) => {
    expect(parseNpySet(features, labels)).toEqual(set);
  });

  test('may have groups', () => {
    expect(parseNpySet(features, 'identity,camera,group,path\n-1,1,5,a\n7,2,6,')).toEqual({
      ...set,
      groups: Int32Array.of(5, 6),
    });
  });

  test.each([
    ['nothing', '', /^labels: line 1: the column "identity" is missing/],
    [
      'no header',
      '-1,1\n7,2',
      /^labels: line 1: there is no column "-1"; it has to name identity, camera and may name/,
    ],
    ['a missing column', 'identity,path\n1,a', /^labels: line 1: the column "camera" is missing/],
    [
      'a column twice',
      'identity,camera,camera\n1,2,2',
      /^labels: line 1: the column "camera" is there twice/,
    ],
    ['too many fields', 'identity,camera\n-1,1\n7,2,3', /^labels: line 3 has 3 fields for 2 columns\.$/],
    ['an empty line', 'identity,camera\n\n7,2', /^labels: line 2 has 1 fields for 2 columns\.$/],
    [
      'too few rows',
      'identity,camera\n-1,1',
      /^labels: there are 1 rows of labels for 2 rows of features\.$/,
    ],
    ['what is no number', 'identity,camera\n-1,1\n7,c2', /^labels: line 3: camera is "c2", not a number\.$/],
    ['an empty field', 'identity,camera\n-1,1\n,2', /^labels: line 3: identity is "", not a number\.$/],
    [
      'a fraction',
      'identity,camera\n-1,1\n0.5,2',
      /^labels: line 3: identity is 0.5, not a whole number of 32/,
    ],
    ['a wide number', 'identity,camera\n-1,2147483648\n7,2', /^labels: line 2: camera is 2147483648, not a/],
    [
      'a quote that is not closed',
      'identity,camera,path\n-1,1,"a\n7,2,b',
      /^labels: line 2: field 3 is not quoted right: "a/,
    ],
    [
      'a quote within a field',
      'identity,camera,path\n-1,1,a"b"\n7,2,b',
      /^labels: line 2: field 3 is not quoted right/,
    ],
  ])('refuses %s, by line and column', (_, labels, message) => {
    expect(() => parseNpySet(features, labels)).toThrow(message);
    expect(() => parseNpySet(features, labels)).toThrow(SetError);
  });

  test('refuses features that are not rows and columns', () => {
    expect(() => parseNpySet(serialiseNpy(Float32Array.of(1, 2), [2]), 'identity,camera')).toThrow(
      'features has shape (2), not two dimensions: rows, columns.',
    );
  });
});
