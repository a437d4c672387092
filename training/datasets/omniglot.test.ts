import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { preprocess } from '@softmargin/shared/images/preprocess.ts';
import { zipSync } from 'fflate';
import sharp from 'sharp';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { dataPath, hasData } from '../../test/data.ts';
import { writeFiles } from '../../test/picture-files.ts';
import type { ImageDataset } from './dataset.ts';
import { loadOmniglot } from './omniglot.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'softmargin-omniglot-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Whether there is ink: a square whose place tells the drawings apart, and nothing at the border. */
const ink = (x: number, y: number, character: number, drawer: number) =>
  x >= 15 * character && x < 15 * character + 15 && y >= 30 * drawer && y < 30 * drawer + 15;

/** 105×105, 1 bit, black on white, as in the official archive. */
function drawing(character: number, drawer: number): Promise<Uint8Array> {
  const data = Uint8Array.from({ length: 105 * 105 }, (_, i) =>
    ink(i % 105, Math.floor(i / 105), character, drawer) ? 0 : 255,
  );
  return sharp(data, { raw: { width: 105, height: 105, channels: 1 } })
    .png({ palette: true, colours: 2 })
    .toBuffer();
}

/** Three alphabets with two characters of three drawers each. */
async function files(part: string): Promise<Record<string, Uint8Array>> {
  const made: Record<string, Uint8Array> = { [`${part}/`]: new Uint8Array(0) };
  let number = 1;
  for (const alphabet of ['Balinese', 'Greek', 'Tagalog']) {
    for (const character of [1, 2]) {
      for (const drawer of [1, 2, 3]) {
        const name = `${String(number).padStart(4, '0')}_${String(drawer).padStart(2, '0')}.png`;
        made[`${part}/${alphabet}/character0${character}/${name}`] = await drawing(character, drawer);
      }
      number++;
    }
  }
  return made;
}

/** The area mean over the 3.75 × 3.75 pixels that a pixel of 28 × 28 covers, with ink as 255. */
function expectedPixels(character: number, drawer: number): number[] {
  const share = (from: number, start: number) =>
    Math.max(0, Math.min(from + 3.75, start + 15) - Math.max(from, start)) / 3.75;
  return Array.from({ length: 784 }, (_, i) => {
    const [x, y] = [3.75 * (i % 28), 3.75 * Math.floor(i / 28)];
    return Math.round(255 * share(x, 15 * character) * share(y, 30 * drawer));
  });
}

test('from the archives: characters are identities, drawers cameras, ink 255', async () => {
  writeFiles(directory, {
    'images_background.zip': zipSync(await files('images_background')),
    'images_evaluation.zip': zipSync(await files('images_evaluation')),
  });
  const split = await loadOmniglot(directory);
  const train = split.train as ImageDataset;
  expect([train.count, train.height, train.width, train.channels]).toEqual([18, 28, 28, 1]);
  expect([...train.identities]).toEqual(
    [0, 1, 2, 3, 4, 5].flatMap((identity) => [identity, identity, identity]),
  );
  expect([...train.cameras]).toEqual(Array.from({ length: 18 }, (_, i) => 1 + (i % 3)));
  for (const item of [0, 4, 17]) {
    const pixels = [...train.pixels.subarray(784 * item, 784 * (item + 1))];
    const expected = expectedPixels(1 + (Math.floor(item / 3) % 2), 1 + (item % 3));
    for (const [i, value] of pixels.entries()) expect(Math.abs(value - expected[i])).toBeLessThanOrEqual(1);
  }
  expect(split.validation).toBeUndefined();
  expect(split.test?.protocol).toBe('none');
  expect([...(split.test?.query.identities ?? [])]).toEqual([6, 7, 8, 9, 10, 11]);
  expect(new Set(split.test?.query.cameras)).toEqual(new Set([1]));
  expect([...(split.test?.gallery.cameras ?? [])].slice(0, 4)).toEqual([2, 3, 2, 3]);
  expect(split.warnings).toEqual([
    'omniglot has 6 characters and 18 drawings in images_background here; published are 964 and 19280. Scores will not compare with papers.',
    'omniglot has 6 characters and 18 drawings in images_evaluation here; published are 659 and 13180. Scores will not compare with papers.',
  ]);
});

test('from unpacked folders it is the same', async () => {
  const { 'images_background/': _, ...unpacked } = await files('images_background');
  writeFiles(directory, unpacked);
  const folder = await loadOmniglot(directory);
  writeFiles(directory, { 'images_background.zip': zipSync(unpacked) });
  rmSync(join(directory, 'images_background'), { recursive: true });
  expect(await loadOmniglot(directory)).toEqual(folder);
});

test.each(['images_background.zip', 'images_background'])(
  'by %s itself it is the same, with the evaluation set beside it',
  async (name) => {
    const background = await files('images_background');
    const { 'images_background/': _, ...unpacked } = background;
    const evaluation = { 'images_evaluation.zip': zipSync(await files('images_evaluation')) };
    writeFiles(directory, evaluation);
    if (name === 'images_background') writeFiles(directory, unpacked);
    else writeFiles(directory, { 'images_background.zip': zipSync(background) });
    const split = await loadOmniglot(join(directory, name));
    expect(split).toEqual(await loadOmniglot(directory));
    expect(split.test?.query.count).toBe(6);
  },
);

test('alphabets are held out by name or by number, with all their characters', async () => {
  writeFiles(directory, { 'images_background.zip': zipSync(await files('images_background')) });
  const named = await loadOmniglot(directory, { validation: ['Greek'] });
  expect(new Set(named.train.identities)).toEqual(new Set([0, 1, 4, 5]));
  expect([...(named.validation?.query.identities ?? [])]).toEqual([2, 3]);
  expect([...(named.validation?.gallery.identities ?? [])]).toEqual([2, 2, 3, 3]);
  expect(named.description).toBe('alphabets held out: Greek');

  const drawn = new Set<string>();
  for (let seed = 0; seed < 8; seed++) {
    const { description, train, validation } = await loadOmniglot(directory, { validation: 2, seed });
    expect((await loadOmniglot(directory, { validation: 2, seed })).description).toBe(description);
    expect([new Set(train.identities).size, validation?.query.count]).toEqual([2, 4]);
    drawn.add(description);
  }
  expect(drawn.size).toBe(3);

  await expect(loadOmniglot(directory, { validation: ['Latin'] })).rejects.toThrow(
    'There is no alphabet "Latin" in the background set; it has Balinese, Greek, Tagalog.',
  );
  await expect(loadOmniglot(directory, { validation: 3 })).rejects.toThrow(
    '3 alphabets are to be held out of 3.',
  );
});

test('resized as the service resizes, a drawing is what the service makes of its file', async () => {
  writeFiles(directory, { 'images_background.zip': zipSync(await files('images_background')) });
  const { train } = await loadOmniglot(directory, { resize: 'bilinear-antialiased' });
  const data = await sharp(await drawing(2, 3))
    .toColourspace('srgb')
    .ensureAlpha()
    .raw()
    .toBuffer();
  const served = preprocess(
    { width: 105, height: 105, data },
    {
      input: { height: 28, width: 28, channels: 1 },
      preprocessing: {
        resize: 'bilinear-antialiased',
        invert: 'bright-border',
        mean: [0],
        deviation: [1 / 255],
      },
    },
  );
  const pixels = (train as ImageDataset).pixels.subarray(784 * 17);
  for (const [i, value] of served.entries()) expect(value).toBeCloseTo(pixels[i], 3);
});

test('a drawing that is broken is named; so is a folder without the set', async () => {
  const broken = await files('images_background');
  broken['images_background/Greek/character01/0003_02.png'] = readFileSync(import.meta.filename);
  writeFiles(directory, { 'images_background.zip': zipSync(broken) });
  await expect(loadOmniglot(directory)).rejects.toThrow(
    /^images_background\/Greek\/character01\/0003_02.png: /,
  );
  await expect(loadOmniglot(join(directory, 'none'))).rejects.toThrow(
    /holds neither images_background.zip nor the folder/,
  );
});

test.skipIf(!hasData('omniglot/images_background.zip'))(
  'all of the background set',
  async () => {
    const { train, validation, warnings } = await loadOmniglot(dataPath('omniglot'), { validation: 5 });
    expect(warnings).toEqual([]);
    expect(train.count + (validation?.query.count ?? 0) + (validation?.gallery.count ?? 0)).toBe(19_280);
    expect(validation?.gallery.count).toBe(19 * (validation?.query.count ?? 0));
  },
  240_000,
);
