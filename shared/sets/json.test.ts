import { describe, expect, test } from 'vitest';
import { SetError } from './embedding-set.ts';
import { parseJsonSet } from './json.ts';

const value = {
  features: [
    [1, 2.5],
    [-3, 0],
  ],
  identities: [-1, 1501],
  cameras: [1, 6],
};

function refusal(given: unknown): { param: string; message: string } {
  try {
    parseJsonSet(given);
  } catch (error) {
    if (!(error instanceof SetError)) throw error;
    return { param: error.param, message: error.message };
  }
  throw new Error('The set was not refused.');
}

test('rows become one array, labels 32-bit numbers', () => {
  expect(parseJsonSet(value)).toEqual({
    count: 2,
    dimension: 2,
    features: Float32Array.of(1, 2.5, -3, 0),
    identities: Int32Array.of(-1, 1501),
    cameras: Int32Array.of(1, 6),
  });
});

describe('refuses, and names the field', () => {
  test.each<[string, unknown, string, RegExp]>([
    ['null', null, 'body', /^body: /],
    ['a list', [value], 'body', /^body: /],
    ['no features', { ...value, features: undefined }, 'features', /^features: /],
    ['no identities', { ...value, identities: undefined }, 'identities', /^identities: /],
    ['no cameras', { ...value, cameras: undefined }, 'cameras', /^cameras: /],
    ['a field more', { ...value, names: [] }, 'body', /^body: .*names/],
    ['no rows', { ...value, features: [] }, 'features', /^features: /],
    ['a row that is none', { ...value, features: [[1, 2], 3] }, 'features', /^features\[1\]: /],
    [
      'text for a number',
      {
        ...value,
        features: [
          [1, 2],
          [3, '4'],
        ],
      },
      'features',
      /^features\[1\]\[1\]: /,
    ],
    [
      'null for a number',
      {
        ...value,
        features: [
          [null, 2],
          [3, 4],
        ],
      },
      'features',
      /^features\[0\]\[0\]: /,
    ],
    ['text for a label', { ...value, cameras: [1, 'c2'] }, 'cameras', /^cameras\[1\]: /],
  ])('%s', (_, given, param, message) => {
    const found = refusal(given);
    expect(found.param).toBe(param);
    expect(found.message).toMatch(message);
  });

  test('rows of different length', () => {
    expect(refusal({ ...value, features: [[1, 2], [3]] })).toEqual({
      param: 'features',
      message: 'features[1] has 1 numbers, features[0] has 2.',
    });
    expect(refusal({ ...value, features: [[1], [3, 4]] }).message).toBe(
      'features[1] has 2 numbers, features[0] has 1.',
    );
  });

  test('rows of nothing', () => {
    expect(refusal({ ...value, features: [[], []] }).message).toBe(
      'features has 0 columns; 1 to 8192 are allowed.',
    );
  });

  test('a number that float32 cannot hold', () => {
    expect(
      refusal({
        ...value,
        features: [
          [1, 2],
          [1e39, 4],
        ],
      }),
    ).toEqual({
      param: 'features',
      message: 'features[1][0] is Infinity, not a finite float32.',
    });
  });

  test('labels that are not whole numbers of 32 bits', () => {
    expect(refusal({ ...value, identities: [1, 0.5] })).toEqual({
      param: 'identities',
      message: 'identities[1] is 0.5, not a whole number of 32 bits.',
    });
    expect(refusal({ ...value, cameras: [2 ** 31, 1] }).message).toBe(
      'cameras[0] is 2147483648, not a whole number of 32 bits.',
    );
  });

  test('labels of another number', () => {
    expect(refusal({ ...value, identities: [1] })).toEqual({
      param: 'identities',
      message: 'identities has 1 entries for 2 rows of features.',
    });
  });
});
