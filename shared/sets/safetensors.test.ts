import { describe, expect, test } from 'vitest';
import { safetensorsFile as file, type Tensor } from '../../test/safetensors.ts';
import { SetError } from './embedding-set.ts';
import { parseSafetensorsSet } from './safetensors.ts';

const features: Tensor = { dtype: 'F32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) };
const identities: Tensor = { dtype: 'I64', shape: [2], data: BigInt64Array.of(-1n, 7n) };
const cameras: Tensor = { dtype: 'I32', shape: [2], data: Int32Array.of(1, 2) };

const set = {
  count: 2,
  dimension: 2,
  features: Float32Array.of(1, 2, 3, 4),
  identities: Int32Array.of(-1, 7),
  cameras: Int32Array.of(1, 2),
};

describe('a set as safetensors', () => {
  test('reads features of F32 and labels of I64, I32 and F32', () => {
    expect(parseSafetensorsSet(file({ features, identities, cameras }))).toEqual(set);
    const floats: Tensor = { dtype: 'F32', shape: [2], data: Float32Array.of(1, 2) };
    expect(parseSafetensorsSet(file({ cameras: floats, identities, features }))).toEqual(set);
  });

  test('reads features of half and of double precision', () => {
    const half: Tensor = { ...features, dtype: 'F16', data: Uint16Array.of(0x3c00, 0x4000, 0x4200, 0x4400) };
    expect(parseSafetensorsSet(file({ features: half, identities, cameras }))).toEqual(set);
    const double: Tensor = { ...features, dtype: 'F64', data: Float64Array.of(1, 2, 3, 4) };
    expect(parseSafetensorsSet(file({ identities, cameras, features: double }))).toEqual(set);
  });

  test('may have groups', () => {
    const groups: Tensor = { dtype: 'I32', shape: [2], data: Int32Array.of(5, 6) };
    expect(parseSafetensorsSet(file({ features, identities, cameras, groups })).groups).toEqual(
      Int32Array.of(5, 6),
    );
  });

  test('is taken by its side, where it holds two', () => {
    const other: Tensor = { dtype: 'F32', shape: [1, 2], data: Float32Array.of(9, 9) };
    const label: Tensor = { dtype: 'I32', shape: [1], data: Int32Array.of(3) };
    const bytes = file({
      qf: features,
      q_pids: identities,
      q_camids: cameras,
      gf: other,
      g_pids: label,
      g_camids: label,
    });
    expect(parseSafetensorsSet(bytes, 'query')).toEqual(set);
    expect(parseSafetensorsSet(bytes, 'gallery').count).toBe(1);
    expect(() => parseSafetensorsSet(bytes)).toThrow('The file holds two sets');
  });

  test.each<[string, Record<string, Tensor>, RegExp]>([
    ['no cameras', { features, identities }, /no array "cameras"; it has features, identities\.$/],
    [
      'another type',
      { features: { ...features, dtype: 'BF16' }, identities, cameras },
      /"features.*F16, F32, F64, I32, I64/,
    ],
    [
      'features of whole numbers',
      { features: { dtype: 'I32', shape: [1, 2], data: Int32Array.of(1, 2) }, identities, cameras },
      /^features is of I32; F16, F32 and F64 are read\.$/,
    ],
    [
      'features in one row',
      { features: { ...features, shape: [4] }, identities, cameras },
      /^features has shape \[4\]/,
    ],
    [
      'labels in rows',
      { features, identities: { ...identities, shape: [2, 1] }, cameras },
      /^identities has shape/,
    ],
    [
      'a label beyond 32 bits',
      { features, identities: { ...identities, data: BigInt64Array.of(1n, 2n ** 40n) }, cameras },
      /^identities\[1\] is 1099511627776, not a whole number of 32 bits\.$/,
    ],
    [
      'labels of another number',
      { features, identities, cameras: { ...cameras, shape: [1], data: Int32Array.of(1) } },
      /^cameras has 1 entries/,
    ],
  ])('refuses %s', (_, tensors, message) => {
    expect(() => parseSafetensorsSet(file(tensors))).toThrow(message);
    expect(() => parseSafetensorsSet(file(tensors))).toThrow(SetError);
  });

  test('refuses what is no safetensors file', () => {
    expect(() => parseSafetensorsSet(new Uint8Array(3))).toThrow(SetError);
  });
});
