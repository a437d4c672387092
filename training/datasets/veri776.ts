import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { publishedSplit } from './bounding-box-folders.ts';
import type { DatasetSplit, FileDataset } from './dataset.ts';
import type { HoldOut } from './hold-out.ts';
import { namedFiles } from './identity-camera-names.ts';
import { exists } from './picture-files.ts';

const PUBLISHED = { train: 37_778, query: 1_678, gallery: 11_579 };

/**
 * VeRi-776 (Liu et al., ECCV 2016) from its folder: `name_train.txt`, `name_query.txt` and `name_test.txt` list
 * the pictures in `image_train`, `image_query` and `image_test`; identity and camera are in the names
 * (`0001_c001_00016450_0.jpg`). What `train_label.xml`, `gt_index.txt` and `jk_index.txt` say, where they are
 * there, is compared with the names and with the rule of the protocol; where they differ, a warning says so.
 *
 * @throws {Error} if a list is not there.
 */
export async function loadVeri776(directory: string, holdOut?: HoldOut): Promise<DatasetSplit> {
  const load = async (role: string, part: string) => {
    const names = await readLines(join(directory, `name_${part}.txt`));
    return namedFiles(`veri776 (${role})`, join(directory, `image_${part}`), names);
  };
  const [train, query, gallery] = await Promise.all([
    load('train', 'train'),
    load('query', 'query'),
    load('gallery', 'test'),
  ]);
  const split = publishedSplit(
    'veri776',
    { published: PUBLISHED, protocol: 'veri776', holdOut },
    { train: train.dataset, query: query.dataset, gallery: gallery.dataset },
  );
  return {
    ...split,
    description: `the lists of VeRi-776${split.description}`,
    warnings: [
      ...split.warnings,
      ...[train, query, gallery].flatMap(({ warnings }) => warnings),
      ...(await trainLabelWarnings(directory, train.dataset)),
      ...(await indexWarnings(directory, query.dataset, gallery.dataset)),
    ],
  };
}

async function readLines(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch((cause) => {
    throw new Error(`Cannot read ${path}: ${cause.message}`, { cause });
  });
  const lines = text.split(/\r?\n/).map((line) => line.trim());
  while (lines.at(-1) === '') lines.pop();
  return lines;
}

/** `<Item imageName="0001_c001_00016450_0.jpg" vehicleID="0001" cameraID="c001" … />` */
const ITEM = /<Item\b[^>]*>/g;

async function trainLabelWarnings(directory: string, train: FileDataset): Promise<string[]> {
  const path = join(directory, 'train_label.xml');
  if (!(await exists(path))) return [];
  // It declares GB2312; what is read of it is ASCII, which both agree on.
  const text = new TextDecoder('latin1').decode(await readFile(path));
  const labels = new Map<string, string>();
  for (const [item] of text.matchAll(ITEM)) {
    const attribute = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(item)?.[1] ?? '';
    labels.set(
      attribute('imageName'),
      `${Number(attribute('vehicleID'))} by camera ${Number(attribute('cameraID').slice(1))}`,
    );
  }
  const differing = train.paths.flatMap((file, i) => {
    const name = basename(file);
    const expected = `${train.identities[i]} by camera ${train.cameras[i]}`;
    const found = labels.get(name) ?? 'nothing';
    return found === expected ? [] : [`${name} is ${found}, not ${expected}`];
  });
  return differing.length === 0
    ? []
    : [`${path} and the names differ for ${differing.length} pictures: ${differing[0]}. The names are used.`];
}

/** Row i lists the gallery pictures, from 1, that match query i, or that are junk to it. */
async function indexWarnings(directory: string, query: FileDataset, gallery: FileDataset): Promise<string[]> {
  const warnings: string[] = [];
  for (const [file, what, sameCamera] of [
    ['gt_index.txt', 'matches', false],
    ['jk_index.txt', 'junk', true],
  ] as const) {
    const path = join(directory, file);
    if (!(await exists(path))) continue;
    const rows = await readIndexRows(path);
    const differing = Array.from({ length: query.count }, (_, q) => q).filter((q) => {
      const expected: number[] = [];
      for (let item = 0; item < gallery.count; item++) {
        const same = gallery.cameras[item] === query.cameras[q];
        if (gallery.identities[item] === query.identities[q] && same === sameCamera) expected.push(item + 1);
      }
      return (rows[q] ?? []).join() !== expected.join();
    });
    if (rows.length !== query.count) {
      warnings.push(`${path} has ${rows.length} lines for ${query.count} queries.`);
    } else if (differing.length > 0) {
      warnings.push(
        `${path} and the protocol differ on the ${what} of ${differing.length} queries, the first ` +
          `${query.paths[differing[0]]}. The protocol's rule is used.`,
      );
    }
  }
  return warnings;
}

/** A query without any has an empty line, also where it is the last. */
async function readIndexRows(path: string): Promise<number[][]> {
  const lines = (await readFile(path, 'utf8')).split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines.map((line) =>
    line
      .split(/\s+/)
      .filter((word) => word !== '')
      .map(Number)
      .sort((a, b) => a - b),
  );
}
