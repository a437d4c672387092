import { describe, expect, test } from 'vitest';
import { type EmbeddingSet, MAX_DIMENSION, SetError, toLabels, validateSet } from './embedding-set.ts';

function setOf(count: number, dimension: number): EmbeddingSet {
  return {
    count,
    dimension,
    features: new Float32Array(count * dimension),
    identities: new Int32Array(count),
    cameras: new Int32Array(count),
  };
}

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (!(error instanceof SetError)) throw error;
    return `${error.param}: ${error.message}`;
  }
  throw new Error('It was not refused.');
}

describe('validateSet', () => {
  test('gives back a set that is sound, of one number or of the largest dimension', () => {
    for (const set of [setOf(1, 1), setOf(2, MAX_DIMENSION)]) expect(validateSet(set)).toBe(set);
  });

  test('refuses what is empty or too wide', () => {
    expect(refusal(() => validateSet(setOf(0, 2)))).toBe('features: features has no rows.');
    expect(refusal(() => validateSet(setOf(1, 0)))).toBe(
      'features: features has 0 columns; 1 to 8192 are allowed.',
    );
    expect(refusal(() => validateSet(setOf(1, 8193)))).toBe(
      'features: features has 8193 columns; 1 to 8192 are allowed.',
    );
  });

  test.each(['identities', 'cameras'])('refuses %s of another number', (name) => {
    for (const length of [2, 4]) {
      expect(refusal(() => validateSet({ ...setOf(3, 2), [name]: new Int32Array(length) }))).toBe(
        `${name}: ${name} has ${length} entries for 3 rows of features.`,
      );
    }
  });

  test.each([
    [0, 0, 0],
    [5, 1, 2],
  ])('refuses a feature that is not finite: number %i is row %i, column %i', (index, row, column) => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const set = setOf(3, 3);
      set.features[index] = value;
      expect(refusal(() => validateSet(set))).toBe(
        `features: features[${row}][${column}] is ${value}, not a finite float32.`,
      );
    }
  });
});

describe('toLabels', () => {
  test('takes whole numbers of 32 bits, from any kind of array', () => {
    const labels = [-(2 ** 31), -1, 0, 2 ** 31 - 1];
    for (const given of [labels, Float64Array.from(labels), Int32Array.from(labels)]) {
      expect(toLabels('cameras', given)).toEqual(Int32Array.from(labels));
    }
  });

  test.each([0.5, 2 ** 31, -(2 ** 31) - 1, 2 ** 32, Number.NaN, Number.POSITIVE_INFINITY])(
    'refuses %d',
    (value) => {
      expect(refusal(() => toLabels('cameras', [1, value]))).toBe(
        `cameras: cameras[1] is ${value}, not a whole number of 32 bits.`,
      );
    },
  );
});
