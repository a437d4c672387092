import { join } from 'node:path';
import type { FileDataset } from './dataset.ts';
import { listPictures } from './picture-files.ts';

/** `0002_c1s1_000451_03.jpg`, `-1_c3s2_…`, `0001_c2_5.png`, `0001_c001_00016450_0.jpg`. */
const NAME = /(?:^|\/)(-?\d+)_c(\d+)[^/]*$/;

/** Identity and camera that a file's name begins with; undefined where it does not. */
export function parseIdentityCameraName(name: string): { identity: number; camera: number } | undefined {
  const match = NAME.exec(name);
  return match === null ? undefined : { identity: Number(match[1]), camera: Number(match[2]) };
}

/** A data set of files of a folder, each named by its identity and camera, and what was odd about them. */
export interface NamedFiles {
  readonly dataset: FileDataset;
  /** Pictures of identity −1, which are in no list: they are left out. */
  readonly junk: number;
  readonly warnings: readonly string[];
}

/**
 * The pictures of a folder whose names begin with identity and camera, as those of Market-1501 and of the sets
 * that followed it do. Junk (identity −1) is left out; distractors (identity 0) are kept.
 */
export async function loadNamedFiles(name: string, folder: string): Promise<NamedFiles> {
  return namedFiles(name, folder, await listPictures(folder));
}

/** The files of the given names in a folder. */
export function namedFiles(name: string, folder: string, names: readonly string[]): NamedFiles {
  const paths: string[] = [];
  const identities: number[] = [];
  const cameras: number[] = [];
  const strange: string[] = [];
  let junk = 0;
  for (const file of names) {
    const parsed = parseIdentityCameraName(file);
    if (parsed === undefined) strange.push(file);
    else if (parsed.identity === -1) junk++;
    else {
      paths.push(join(folder, file));
      identities.push(parsed.identity);
      cameras.push(parsed.camera);
    }
  }
  return {
    dataset: {
      name,
      count: paths.length,
      paths,
      identities: Int32Array.from(identities),
      cameras: Int32Array.from(cameras),
    },
    junk,
    warnings:
      strange.length === 0
        ? []
        : [
            `${strange.length} pictures in ${folder} are left out, for their names do not begin with ` +
              `an identity and a camera (0002_c1…): ${strange.slice(0, 3).join(', ')}${strange.length > 3 ? ', …' : ''}.`,
          ],
  };
}
