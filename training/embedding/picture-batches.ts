import { readFile } from 'node:fs/promises';
import type { PictureSource } from './picture-sources.ts';

/** Pictures of a request to the service: it takes 64, and embeds 16 at a time. */
const MOST_PICTURES = 32;

/** Bytes of the files of a request: it takes 16 MiB of JSON, a third more than its pictures have. */
const MOST_BYTES = 8 * 2 ** 20;

/** The files of pictures in batches that one request takes. */
export async function* pictureBatches(
  pictures: readonly PictureSource[],
): AsyncGenerator<{ readonly first: number; readonly batch: readonly Uint8Array[] }, void, undefined> {
  let batch: Uint8Array[] = [];
  let bytes = 0;
  for (const [i, { file }] of pictures.entries()) {
    const content = await readFile(file);
    if (batch.length === MOST_PICTURES || (batch.length > 0 && bytes + content.length > MOST_BYTES)) {
      yield { first: i - batch.length, batch };
      batch = [];
      bytes = 0;
    }
    batch.push(content);
    bytes += content.length;
  }
  if (batch.length > 0) yield { first: pictures.length - batch.length, batch };
}
