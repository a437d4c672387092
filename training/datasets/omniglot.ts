import { readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { resizeBilinear } from '@softmargin/shared/images/resize.ts';
import { createRandom } from '@softmargin/shared/random.ts';
import { unzip } from '@softmargin/shared/sets/zip.ts';
import sharp from 'sharp';
import { boxResize } from './box-resize.ts';
import type { DatasetSplit, ImageDataset, RankingSplit } from './dataset.ts';
import { partition } from './hold-out.ts';
import { byCodeUnits, exists, listPictures } from './picture-files.ts';

const SIDE = 28;
const PUBLISHED = { images_background: 964, images_evaluation: 659 };
type Part = keyof typeof PUBLISHED;

export interface OmniglotOptions {
  /** Alphabets of the background set to validate on: their names, or how many the seed draws. None by default. */
  readonly validation?: readonly string[] | number | undefined;
  readonly seed?: number | undefined;
  /**
   * How 105×105 becomes 28×28: by the mean of the area, or with the filter that the service resizes pictures
   * with. `box` by default.
   */
  readonly resize?: 'box' | 'bilinear-antialiased' | undefined;
}

/**
 * Omniglot (Lake et al., Science 2015) from the official `images_background.zip` and `images_evaluation.zip`,
 * or their unpacked folders: 28×28, ink 255 on 0. A character is an identity and its drawer the camera.
 * Trained on is the background set, without the alphabets that are held out; tested on the evaluation set where
 * it is there. The query is drawer 1, the gallery drawers 2 to 20.
 *
 * @param location the folder that holds the two, or the background set itself, archive or folder; the evaluation set
 *   is then looked for beside it.
 * @throws {Error} if the background set is not there, or an alphabet that is named is not in it.
 */
export async function loadOmniglot(
  location: string,
  { validation = 0, seed = 2020, resize: resizing = 'box' }: OmniglotOptions = {},
): Promise<DatasetSplit> {
  const isBackground = /^images_background(\.zip)?$/.test(basename(resolve(location)));
  const directory = isBackground ? dirname(resolve(location)) : location;
  const background = await loadPart(directory, 'images_background', resizing, 0);
  if (background === undefined) {
    throw new Error(`${directory} holds neither images_background.zip nor the folder images_background.`);
  }
  const held = heldAlphabets(background.alphabets, validation, seed);
  const [train, kept] = partition(background.dataset, (item) =>
    held.includes(background.alphabetOf[background.dataset.identities[item]]),
  );
  const firstIdentity = background.alphabetOf.length;
  const evaluation = await loadPart(directory, 'images_evaluation', resizing, firstIdentity);
  return {
    name: 'omniglot',
    description: held.length === 0 ? 'the background set' : `alphabets held out: ${held.join(', ')}`,
    train: { ...train, name: 'omniglot (train)' },
    ...(held.length > 0 && { validation: byDrawer(kept, 'omniglot (validation') }),
    ...(evaluation && { test: byDrawer(evaluation.dataset, 'omniglot (evaluation') }),
    warnings: [...background.warnings, ...(evaluation?.warnings ?? [])],
  };
}

function heldAlphabets(
  alphabets: readonly string[],
  validation: readonly string[] | number,
  seed: number,
): string[] {
  if (typeof validation === 'number') {
    if (validation >= alphabets.length) {
      throw new RangeError(`${validation} alphabets are to be held out of ${alphabets.length}.`);
    }
    const drawn = createRandom(seed).permutation(alphabets.length).subarray(0, validation);
    return Array.from(drawn, (index) => alphabets[index]).sort(byCodeUnits);
  }
  const unknown = validation.find((name) => !alphabets.includes(name));
  if (unknown !== undefined) {
    throw new Error(
      `There is no alphabet "${unknown}" in the background set; it has ${alphabets.join(', ')}.`,
    );
  }
  return [...validation];
}

function byDrawer(dataset: ImageDataset, name: string): RankingSplit {
  const [gallery, query] = partition(dataset, (item) => dataset.cameras[item] === 1);
  return {
    query: { ...query, name: `${name}, drawer 1)` },
    gallery: { ...gallery, name: `${name}, drawers 2 to 20)` },
    protocol: 'none',
  };
}

/** Drawings that are decoded at once. */
const SIDE_BY_SIDE = 64;

interface LoadedPart {
  readonly dataset: ImageDataset;
  readonly alphabets: readonly string[];
  /** By identity. */
  readonly alphabetOf: readonly string[];
  readonly warnings: readonly string[];
}

/** `Greek/character05/0394_12.png`: alphabet, character, number of the character and drawer. */
const NAME = /(?:^|\/)([^/]+)\/(character\d+)\/\d+_(\d+)\.png$/;

async function loadPart(
  directory: string,
  part: Part,
  resize: 'box' | 'bilinear-antialiased',
  firstIdentity: number,
): Promise<LoadedPart | undefined> {
  const files = await readPart(directory, part);
  if (files === undefined) return undefined;
  const names = [...files.keys()].filter((name) => NAME.test(name)).sort(byCodeUnits);
  const parsed = names.map((name) => {
    const [, alphabet, character, drawer] = NAME.exec(name) as RegExpExecArray;
    return { alphabet, character: `${alphabet}/${character}`, drawer: Number(drawer) };
  });
  const characters = [...new Set(parsed.map(({ character }) => character))];
  const identityOf = new Map(characters.map((character, index) => [character, firstIdentity + index]));
  const alphabetOf: string[] = [];
  for (const { alphabet, character } of parsed) alphabetOf[identityOf.get(character) as number] = alphabet;
  const pixels = new Uint8Array(names.length * SIDE * SIDE);
  for (let start = 0; start < names.length; start += SIDE_BY_SIDE) {
    const drawings = names.slice(start, start + SIDE_BY_SIDE).map(async (name, i) => {
      const drawing = await readDrawing(name, files.get(name) as () => Promise<Uint8Array>, resize);
      pixels.set(drawing, (start + i) * SIDE * SIDE);
    });
    await Promise.all(drawings);
  }
  return {
    dataset: {
      name: `omniglot (${part})`,
      count: names.length,
      height: SIDE,
      width: SIDE,
      channels: 1,
      pixels,
      identities: Int32Array.from(parsed, ({ character }) => identityOf.get(character) as number),
      cameras: Int32Array.from(parsed, ({ drawer }) => drawer),
    },
    alphabets: [...new Set(parsed.map(({ alphabet }) => alphabet))],
    alphabetOf,
    warnings:
      characters.length === PUBLISHED[part] && names.length === 20 * PUBLISHED[part]
        ? []
        : [
            `omniglot has ${characters.length} characters and ${names.length} drawings in ${part} here; published ` +
              `are ${PUBLISHED[part]} and ${20 * PUBLISHED[part]}. Scores will not compare with papers.`,
          ],
  };
}

/** The files of a part by their names, from the archive or from the folder. */
async function readPart(
  directory: string,
  part: Part,
): Promise<Map<string, () => Promise<Uint8Array>> | undefined> {
  const archive = join(directory, `${part}.zip`);
  if (await exists(archive)) {
    const files = unzip(await readFile(archive), (name) => NAME.test(name));
    return new Map(Object.entries(files).map(([name, bytes]) => [name, async () => bytes]));
  }
  const folder = join(directory, part);
  if (!(await exists(folder))) return undefined;
  return new Map((await listPictures(folder)).map((name) => [name, () => readFile(join(folder, name))]));
}

async function readDrawing(
  name: string,
  read: () => Promise<Uint8Array>,
  resize: 'box' | 'bilinear-antialiased',
): Promise<Uint8Array> {
  try {
    const { data, info } = await sharp(await read())
      .toColourspace('b-w')
      .raw()
      .toBuffer({ resolveWithObject: true });
    const drawing = { width: info.width, height: info.height, channels: 1, data };
    const resized = resize === 'box' ? boxResize(drawing, SIDE, SIDE) : resizeBilinear(drawing, SIDE, SIDE);
    return resized.data.map((value) => 255 - value);
  } catch (cause) {
    throw new Error(`${name}: ${(cause as Error).message}`, { cause });
  }
}
