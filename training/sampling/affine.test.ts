import { createRandom } from '@softmargin/shared/random.ts';
import { expect, test } from 'vitest';
import { randomAffine } from './affine.ts';

const size = { height: 9, width: 9 };
const picture = Uint8Array.from({ length: 81 }, (_, i) => (i * 37) % 256);
const still = { rotation: 0, scaling: 0, shift: 0 };

function drawn(augmentation: Partial<typeof still>, seed = 1, source = picture): Uint8Array {
  const target = new Uint8Array(81);
  randomAffine(source, target, size, { ...still, ...augmentation }, createRandom(seed));
  return target;
}

test('with nothing to do it is the picture', () => {
  expect(drawn({})).toEqual(picture);
});

test('is decided by the seed', () => {
  const strong = { rotation: 30, scaling: 0.2, shift: 2 };
  expect(drawn(strong, 5)).toEqual(drawn(strong, 5));
  expect(drawn(strong, 5)).not.toEqual(drawn(strong, 6));
});

test('a shift moves the centre of mass within its limit, and brings in black', () => {
  const dot = new Uint8Array(81);
  dot[4 * 9 + 4] = 240;
  for (let seed = 0; seed < 50; seed++) {
    const moved = drawn({ shift: 2 }, seed, dot);
    const total = moved.reduce((sum, value) => sum + value, 0);
    const x = moved.reduce((sum, value, i) => sum + value * (i % 9), 0) / total;
    const y = moved.reduce((sum, value, i) => sum + value * Math.floor(i / 9), 0) / total;
    expect(Math.abs(total - 240)).toBeLessThanOrEqual(2);
    expect(Math.abs(x - 4)).toBeLessThanOrEqual(2.02);
    expect(Math.abs(y - 4)).toBeLessThanOrEqual(2.02);
  }
});

test('a turn keeps the middle pixel where it is', () => {
  for (let seed = 0; seed < 20; seed++) expect(drawn({ rotation: 180 }, seed)[40]).toBe(picture[40]);
});
