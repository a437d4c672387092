import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as z from 'zod';
import { loadBoundingBoxFolders, type PublishedSizes, publishedSplit } from './bounding-box-folders.ts';
import { extractCuhk03Pictures } from './cuhk03-mat.ts';
import type { DatasetSplit, FileDataset } from './dataset.ts';
import type { HoldOut } from './hold-out.ts';
import { type MatlabValue, readMatlabV5 } from './matlab-v5.ts';
import { exists } from './picture-files.ts';

/** How the boxes around the people were drawn. */
export type Cuhk03Boxes = 'labeled' | 'detected';

const PUBLISHED: Record<Cuhk03Boxes, PublishedSizes> = {
  labeled: { train: 7_368, query: 1_400, gallery: 5_328 },
  detected: { train: 7_365, query: 1_400, gallery: 5_332 },
};

/**
 * CUHK03 (Li et al., "DeepReID", CVPR 2014) by the split of 767 and 700 identities (Zhong et al., CVPR 2017),
 * from whichever of these is in the directory:
 *
 * - `labeled/` and `detected/` with `bounding_box_train`, `query` and `bounding_box_test`: CUHK03-NP of
 *   zhunzhong07/person-re-ranking;
 * - `images_labeled/` and `images_detected/` with `splits_new_labeled.json` and `splits_new_detected.json`, as
 *   torchreid and fast-reid leave them;
 * - the official `cuhk-03.mat` (here or in `cuhk03_release/`) with `cuhk03_new_protocol_config_labeled.mat` and
 *   `…_detected.mat`: the pictures are extracted once, to `images_labeled/` or `images_detected/`, named as
 *   torchreid names them.
 *
 * The camera is 1 or 2: the side of the pair of cameras that the picture is from.
 *
 * @param note told what takes long.
 * @throws {Error} naming what was looked for, if none of them is there.
 */
export async function loadCuhk03(
  directory: string,
  boxes: Cuhk03Boxes,
  holdOut?: HoldOut,
  note: (message: string) => void = () => {},
): Promise<DatasetSplit> {
  const name = `cuhk03-${boxes}`;
  const options = { published: PUBLISHED[boxes], protocol: 'cuhk03-np', holdOut } as const;
  if (await exists(join(directory, boxes, 'bounding_box_train'))) {
    return loadBoundingBoxFolders(name, join(directory, boxes), options);
  }
  const splits = await readSplits(directory, boxes);
  const images = join(directory, `images_${boxes}`);
  if (!(await exists(images))) await extractCuhk03Pictures(directory, boxes, images, note);
  const part = (role: 'train' | 'query' | 'gallery'): FileDataset => ({
    name: `${name} (${role})`,
    count: splits[role].length,
    paths: splits[role].map((item) => join(images, item.file)),
    identities: Int32Array.from(splits[role], (item) => item.identity),
    cameras: Int32Array.from(splits[role], (item) => item.camera),
  });
  const split = publishedSplit(name, options, {
    train: part('train'),
    query: part('query'),
    gallery: part('gallery'),
  });
  return { ...split, description: `${splits.source}${split.description}` };
}

interface Item {
  readonly file: string;
  readonly identity: number;
  readonly camera: number;
}

interface Splits {
  readonly source: string;
  readonly train: readonly Item[];
  readonly query: readonly Item[];
  readonly gallery: readonly Item[];
}

async function readSplits(directory: string, boxes: Cuhk03Boxes): Promise<Splits> {
  const json = join(directory, `splits_new_${boxes}.json`);
  if (await exists(json)) return named(json, async () => readJsonSplits(await readFile(json, 'utf8')));
  const config = `cuhk03_new_protocol_config_${boxes}.mat`;
  for (const path of [join(directory, config), join(directory, 'cuhk03_release', config)]) {
    if (await exists(path)) return named(path, async () => readConfig(await readFile(path)));
  }
  throw new Error(
    `${directory} holds no CUHK03 with ${boxes} boxes: neither ${boxes}/bounding_box_train, nor ` +
      `splits_new_${boxes}.json, nor ${config}.`,
  );
}

async function named(path: string, read: () => Promise<Omit<Splits, 'source'>>): Promise<Splits> {
  try {
    return { source: `the 767/700 split of ${basename(path)}`, ...(await read()) };
  } catch (cause) {
    throw new Error(`${path}: ${(cause as Error).message}`, { cause });
  }
}

const entries = z.array(z.tuple([z.string(), z.int(), z.int()]));
const jsonSplitsSchema = z.tuple([z.object({ train: entries, query: entries, gallery: entries })]);

/** The paths in it are those of the machine that wrote it: only their last part counts. */
function readJsonSplits(text: string): Omit<Splits, 'source'> {
  const parsed = jsonSplitsSchema.safeParse(JSON.parse(text));
  if (!parsed.success) throw new Error(z.prettifyError(parsed.error));
  const items = (list: z.infer<typeof entries>) =>
    list.map(([path, identity]) =>
      item(path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1), identity),
    );
  const { train, query, gallery } = parsed.data[0];
  return { train: items(train), query: items(query), gallery: items(gallery) };
}

/** `train_idx`, `query_idx` and `gallery_idx` count from 1 into `filelist` and `labels`. */
function readConfig(bytes: Uint8Array): Omit<Splits, 'source'> {
  const variables = readMatlabV5(bytes);
  const files = cells(variables, 'filelist').map((cell, i) => {
    if (cell.kind !== 'text') throw new Error(`filelist{${i + 1}} is no text`);
    return cell.text;
  });
  const labels = numbers(variables, 'labels');
  if (labels.length !== files.length) {
    throw new Error(`it has ${labels.length} labels for ${files.length} files`);
  }
  const items = (variable: string) =>
    Array.from(numbers(variables, variable), (index) => {
      const file = files[index - 1];
      if (file === undefined) throw new Error(`${variable} has ${index}; there are ${files.length} files`);
      return item(file, labels[index - 1]);
    });
  return { train: items('train_idx'), query: items('query_idx'), gallery: items('gallery_idx') };
}

function numbers(variables: ReadonlyMap<string, MatlabValue>, name: string): Float64Array {
  const value = variables.get(name);
  if (value?.kind !== 'numbers') throw new Error(`it has no numbers "${name}"`);
  return value.values;
}

function cells(variables: ReadonlyMap<string, MatlabValue>, name: string): readonly MatlabValue[] {
  const value = variables.get(name);
  if (value?.kind !== 'cells') throw new Error(`it has no cells "${name}"`);
  return value.cells;
}

/** Pair of cameras, person in it, camera of the pair, picture: `1_001_2_07.png`. */
const FILE = /^\d+_\d+_(\d)_\d+\.\w+$/;

function item(file: string, identity: number): Item {
  const match = FILE.exec(file);
  if (match === null) throw new Error(`"${file}" is no name of a picture such as 1_001_2_07.png`);
  return { file, identity, camera: Number(match[1]) };
}
