import { readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';

const EXTENSION = /\.(jpe?g|png|webp|tiff?|gif|avif)$/i;

/**
 * The picture files in a folder and the folders in it, as paths relative to it with `/` between their parts, in
 * the order of their names. Other files and hidden ones are passed over.
 *
 * @throws {Error} if the folder cannot be read.
 */
export async function listPictures(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((cause) => {
    throw new Error(`Cannot read the folder ${folder}: ${cause.message}`, { cause });
  });
  return entries
    .filter((entry) => !entry.isDirectory() && isPicture(entry.name))
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort(byCodeUnits);
}

/** Whether a path is that of a picture by its ending, and not of a hidden file or of what systems leave in archives. */
export function isPicture(path: string): boolean {
  return EXTENSION.test(path) && !/(^|\/)(\.|__MACOSX\/)/.test(path);
}

/** The order of names that no locale changes. */
export function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
