import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';

/**
 * The reference data, which is not part of the repository: set `SOFTMARGIN_DATA` to its folder, or keep it
 * in `shared/data` beside the repository. Tests that need it are reported as skipped where it is missing.
 */
const folder = process.env.SOFTMARGIN_DATA
  ? pathToFileURL(`${process.env.SOFTMARGIN_DATA}/`)
  : new URL('../../shared/data/', import.meta.url);

/** Whether all these files of the reference data are there; where the folder was named, they have to be. */
export function hasData(...names: string[]): boolean {
  if (process.env.SOFTMARGIN_DATA) return true;
  return names.every((name) => existsSync(new URL(name, folder)));
}

/** The bytes of a file of the reference data; `.gz` is unpacked. */
export function readData(name: string): Uint8Array {
  const bytes = readFileSync(new URL(name, folder));
  return Uint8Array.from(name.endsWith('.gz') ? gunzipSync(bytes) : bytes);
}

/** The text of a file of the reference data; `.gz` is unpacked. */
export function readDataText(name: string): string {
  return new TextDecoder().decode(readData(name));
}

/** The path of a file or folder of the reference data. */
export function dataPath(name: string): string {
  return fileURLToPath(new URL(name, folder));
}
