import { readFile } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join } from 'node:path';
import type { ProtocolName } from '@softmargin/shared/metrics/protocols.ts';
import { CsvError, parseCsv } from '@softmargin/shared/sets/csv.ts';
import { type DatasetSplit, type FileDataset, subset } from './dataset.ts';
import { type HoldOut, holdOutIdentities } from './hold-out.ts';
import { labelNumbers } from './label-numbers.ts';

const ROLES = ['train', 'query', 'gallery', 'test'] as const;
type Role = (typeof ROLES)[number];

/**
 * Pictures listed in a CSV file with the columns `path` (relative to the file, or absolute), `identity`, and
 * optionally `camera` (0 without it), `group` and `split`. Identities, cameras and groups are whole numbers or
 * any names.
 *
 * `split` is train, query, gallery, or test; without the column everything is train. Queries are ranked against
 * the gallery; pictures of `test` each against the others.
 *
 * @param protocol of queries against the gallery: `market1501` by default, or `none` without cameras.
 * @throws {Error} that names the file and the line.
 */
export async function loadCsv(
  file: string,
  options: { readonly holdOut?: HoldOut | undefined; readonly protocol?: ProtocolName | undefined } = {},
): Promise<DatasetSplit> {
  const text = await readFile(file, 'utf8').catch((cause) => {
    throw new Error(`Cannot read ${file}: ${cause.message}`, { cause });
  });
  try {
    return readTable(file, text, options);
  } catch (cause) {
    throw new Error(`${file}: ${(cause as Error).message}`, { cause });
  }
}

function readTable(
  file: string,
  text: string,
  { holdOut, protocol }: { holdOut?: HoldOut | undefined; protocol?: ProtocolName | undefined },
): DatasetSplit {
  const table = parseCsv(text, ['path', 'identity'], ['camera', 'group', 'split']);
  const column = (name: string) => {
    const at = table.columns.indexOf(name);
    if (at === -1) return undefined;
    for (const [i, row] of table.rows.entries()) {
      if (row[at] === '') throw new CsvError(`line ${i + 2}: ${name} is empty.`);
    }
    return table.rows.map((row) => row[at]);
  };
  const paths = column('path') as string[];
  const cameras = column('camera');
  const groups = column('group');
  const all: FileDataset = {
    name: basename(file),
    count: paths.length,
    paths: paths.map((path) => (isAbsolute(path) ? path : join(dirname(file), path))),
    identities: labelNumbers(column('identity') as string[]),
    cameras: cameras ? labelNumbers(cameras) : new Int32Array(paths.length),
    ...(groups && { groups: labelNumbers(groups) }),
  };
  const roles = column('split')?.map((role, i) => asRole(role, i + 2));
  const part = (wanted: Role): FileDataset => {
    const items = paths.flatMap((_, item) => ((roles?.[item] ?? 'train') === wanted ? [item] : []));
    return { ...subset(all, items), name: `${all.name} (${wanted})` };
  };
  const [train, query, gallery, test] = ROLES.map(part);
  if (train.count === 0) throw new CsvError('no picture is to be trained on.');
  if ((query.count === 0) !== (gallery.count === 0)) {
    throw new CsvError(`there are ${query.count} queries and ${gallery.count} gallery pictures.`);
  }
  if (query.count > 0 && test.count > 0) {
    throw new CsvError('split names both test, and query and gallery; one kind of test can be had.');
  }
  const acrossCameras = cameras ? 'market1501' : 'none';
  return {
    name: all.name,
    description: `${roles ? `the column split of ${all.name}` : 'all to train on'}${
      holdOut ? `; ${holdOut.identities} identities held out, seed ${holdOut.seed}` : ''
    }`,
    ...(holdOut ? holdOutIdentities(train, holdOut, cameras ? 'market1501' : 'all') : { train }),
    ...(query.count > 0 && { test: { query, gallery, protocol: protocol ?? acrossCameras } }),
    ...(test.count > 0 && { test: { query: test, gallery: test, protocol: 'all' } }),
    warnings: repeated(paths),
  };
}

function asRole(text: string, line: number): Role {
  const role = ROLES.find((known) => known === text);
  if (role === undefined)
    throw new CsvError(`line ${line}: split is "${text}", not one of ${ROLES.join(', ')}.`);
  return role;
}

function repeated(paths: readonly string[]): string[] {
  const seen = new Set<string>();
  const twice = paths.filter((path) => seen.size === seen.add(path).size);
  return twice.length === 0 ? [] : [`${twice.length} pictures are listed more than once: ${twice[0]}.`];
}
