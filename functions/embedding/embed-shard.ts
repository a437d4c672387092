import { PictureError } from '../inference/decode.ts';
import { embedPictures } from '../inference/embed.ts';
import { type ModelVersion, useModelVersion } from '../inference/models.ts';
import type { OwnedBindings } from '../owners.ts';
import { bytesOf } from '../sets/content-store.ts';
import { PictureContent } from '../sets/picture-content.ts';
import type { FailedPicture } from '../sets/store-pictures.ts';
import type { EmbeddedPictures } from './embedded-pictures.ts';

/** Embeds pictures `start` to `start + count − 1` of a set. One that cannot be is noted, and the rest goes on. */
export async function embedShard(
  bindings: OwnedBindings,
  pictures: string,
  model: ModelVersion,
  { start, count }: { readonly start: number; readonly count: number },
): Promise<EmbeddedPictures> {
  const content = await PictureContent.open(bindings.STORE, pictures);
  const entries = await content.entries(start, start + count);
  const files = await content.files(entries);
  const { results } = await useModelVersion(bindings, model, (loaded) => embedPictures(loaded, files));
  const rows: Float32Array[] = [];
  const problems: FailedPicture[] = [];
  for (const [i, result] of results.entries()) {
    if (result instanceof PictureError) {
      const { message, code } = result;
      problems.push({ index: start + i, path: entries[i].path, message, code });
    } else {
      rows.push(result);
    }
  }
  return { rows: joinRows(rows), problems: new TextEncoder().encode(JSON.stringify(problems)) };
}

function joinRows(rows: readonly Float32Array[]): Uint8Array {
  const joined = new Float32Array(rows.reduce((sum, row) => sum + row.length, 0));
  let filled = 0;
  for (const row of rows) {
    joined.set(row, filled);
    filled += row.length;
  }
  return bytesOf(joined);
}
