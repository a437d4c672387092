import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import type { Dataset, FileDataset } from '../training/datasets/dataset.ts';

/** Writes files into a folder, making the folders that their names speak of. */
export function writeFiles(folder: string, files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}

/** Writes small pictures of one colour each, in the format that their names end in. */
export async function writePictures(folder: string, names: readonly string[]): Promise<void> {
  for (const [i, name] of names.entries()) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    const background = { r: (i * 40) % 256, g: 90, b: 200 };
    await sharp({ create: { width: 6, height: 9, channels: 3, background } }).toFile(join(folder, name));
  }
}

/** A data set that is expected to be one of files. */
export function asFiles(dataset: Dataset | undefined): FileDataset {
  if (dataset === undefined || !('paths' in dataset)) throw new Error('This is no data set of files.');
  return dataset;
}
