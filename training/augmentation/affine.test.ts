import type { ChannelImage } from '@softmargin/shared/images/picture.ts';
import { createRandom } from '@softmargin/shared/random.ts';
import { expect, test } from 'vitest';
import { randomAffine } from './affine.ts';

const picture: ChannelImage = {
  width: 9,
  height: 9,
  channels: 1,
  data: Uint8Array.from({ length: 81 }, (_, i) => (i * 37) % 256),
};
const still = { rotation: 0, scaling: 0, shear: 0, shift: 0 };

function drawn(settings: Partial<typeof still>, seed = 1, source = picture): Uint8Array {
  return randomAffine(source, { ...still, ...settings }, createRandom(seed)).data;
}

/** Draws of the given order: rotation, scaling, shear, shift in x and in y, each from −1 to 1 of its limit. */
function draws(...parts: number[]) {
  const random = createRandom(1);
  return { ...random, uniform: () => ((parts.shift() ?? 0) + 1) / 2 };
}

test('with nothing to do it is the picture', () => {
  expect(drawn({})).toEqual(picture.data);
});

test('is decided by the seed', () => {
  const strong = { rotation: 30, scaling: 0.2, shear: 0.2, shift: 2 };
  expect(drawn(strong, 5)).toEqual(drawn(strong, 5));
  expect(drawn(strong, 5)).not.toEqual(drawn(strong, 6));
});

test('a shift moves the centre of mass within its limit, and brings in black', () => {
  const dot = { ...picture, data: new Uint8Array(81) };
  dot.data[4 * 9 + 4] = 240;
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
  for (let seed = 0; seed < 20; seed++) expect(drawn({ rotation: 180 }, seed)[40]).toBe(picture.data[40]);
});

test('a quarter turn, in colour', () => {
  const data = Uint8Array.from({ length: 27 }, (_, i) => i * 9);
  const turned = randomAffine(
    { width: 3, height: 3, channels: 3, data },
    { ...still, rotation: 90 },
    draws(1),
  );
  const at = (x: number, y: number) => [...data.subarray((y * 3 + x) * 3, (y * 3 + x) * 3 + 3)];
  const expected = [0, 1, 2].flatMap((y) => [0, 1, 2].flatMap((x) => at(y, 2 - x)));
  expect([...turned.data]).toEqual(expected);
});

test('a shear moves each row by its distance from the middle', () => {
  const column = { ...picture, data: new Uint8Array(81) };
  for (let y = 0; y < 9; y++) column.data[y * 9 + 4] = 200;
  const sheared = randomAffine(column, { ...still, shear: 0.5 }, draws(0, 0, 1)).data;
  for (let y = 0; y < 9; y += 2) {
    const row = [...sheared.subarray(9 * y, 9 * y + 9)];
    expect(row.indexOf(200)).toBe(4 + (y - 4) / 2);
    expect(row.filter((value) => value > 0)).toEqual([200]);
  }
});
