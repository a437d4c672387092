import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { type PictureNaming, parsePictureName } from '@softmargin/shared/sets/picture-names.ts';
import { unzip } from '@softmargin/shared/sets/zip.ts';
import { isPicture, listPictures } from '../datasets/picture-files.ts';

/** A picture file, and the path by which its name is read. */
export interface PictureSource {
  /** Relative, with `/`: within the folder or the archive that it came in, or its own folder and name. */
  readonly name: string;
  readonly file: string;
}

/**
 * The pictures at some places (files, folders, `.zip` archives), in the order of the places and, within one, of their
 * paths. Archives are unpacked for as long as `use` takes.
 *
 * @throws {Error} if a place is not there, or there is no picture at any.
 */
export async function withPictures<T>(
  places: readonly string[],
  use: (pictures: readonly PictureSource[]) => Promise<T>,
): Promise<T> {
  const unpacked: string[] = [];
  try {
    const pictures: PictureSource[] = [];
    for (const place of places) {
      const found = await stat(place).catch((cause: NodeJS.ErrnoException) => {
        throw new Error(`${place} ${cause.code === 'ENOENT' ? 'is not there' : cause.message}.`, { cause });
      });
      if (found.isDirectory()) {
        const names = await listPictures(place);
        pictures.push(...names.map((name) => ({ name, file: join(place, name) })));
      } else if (extname(place).toLowerCase() === '.zip') {
        const folder = await mkdtemp(join(tmpdir(), 'softmargin-pictures-'));
        unpacked.push(folder);
        pictures.push(...(await unpack(place, folder)));
      } else {
        pictures.push({ name: `${basename(dirname(resolve(place)))}/${basename(place)}`, file: place });
      }
    }
    if (pictures.length === 0) throw new Error(`There is no picture in ${places.join(', ')}.`);
    return await use(pictures);
  } finally {
    for (const folder of unpacked) await rm(folder, { recursive: true, force: true });
  }
}

/** Unpacks the pictures of an archive under names of ours: paths of theirs may lead anywhere. */
async function unpack(archive: string, folder: string): Promise<PictureSource[]> {
  let entries: Record<string, Uint8Array>;
  try {
    entries = unzip(await readFile(archive), (name) => isPicture(name));
  } catch (cause) {
    throw new Error(`${archive}: ${(cause as Error).message}`, { cause });
  }
  const names = Object.keys(entries).sort();
  return Promise.all(
    names.map(async (name, i) => {
      const file = join(folder, `${i}${extname(name)}`);
      await writeFile(file, entries[name]);
      return { name, file };
    }),
  );
}

/** Labels of pictures. */
export interface PictureLabels {
  readonly identities: Int32Array;
  readonly cameras: Int32Array;
}

/**
 * Identities and cameras by the names of pictures; zeros without a way to read them.
 *
 * @throws {SetError} that names the picture whose name says nothing.
 */
export function labelsOf(
  pictures: readonly PictureSource[],
  naming: PictureNaming | undefined,
): PictureLabels {
  const labels = pictures.map(({ name }) =>
    naming === undefined ? { identity: 0, camera: 0 } : parsePictureName(name, naming),
  );
  return {
    identities: Int32Array.from(labels, ({ identity }) => identity),
    cameras: Int32Array.from(labels, ({ camera }) => camera),
  };
}
