import type { Manifest } from '@softmargin/shared/bundle/manifest.ts';
import { startBackend } from '../inference/backend.ts';
import { PictureError } from '../inference/decode.ts';
import { embedPictures } from '../inference/embed.ts';
import type { Held } from '../inference/memory-budget.ts';
import { type ModelVersion, useModelVersion } from '../inference/models.ts';
import { heapBytes, inputBytes } from '../inference/serving-memory.ts';
import { CODE_BYTES, ISOLATE_BYTES, MAX_HEAP_MODEL_BYTES } from '../limits.ts';
import type { OwnedBindings } from '../owners.ts';
import { bytesOf } from '../sets/content-store.ts';
import { PictureContent, type PictureEntry } from '../sets/picture-content.ts';
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
  const { memory } = await startBackend();
  const results: (Float32Array | PictureError)[] = [];
  for (const together of byBlock(entries)) {
    const files = await content.files(together);
    const bytes = files.reduce((sum, file) => sum + (file instanceof PictureError ? 0 : file.length), 0);
    const embedded = await memory.holding(async (held) => {
      await held.addPatiently(bytes);
      return useModelVersion(bindings, model, async (loaded, bundleBytes) => {
        const input = inputBytes(loaded.manifest);
        await held.addPatiently(input);
        const room = decodingRoom(loaded.manifest, bundleBytes, bytes + input, held);
        return embedPictures(loaded, files, undefined, room);
      });
    });
    for (const result of embedded.results) results.push(result);
  }
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

/** Pictures that lie in one block: a block is read once, and no more than one is in memory. */
function byBlock(entries: readonly PictureEntry[]): PictureEntry[][] {
  const groups: PictureEntry[][] = [];
  let block: string | undefined;
  for (const entry of entries) {
    if (
      groups.length === 0 ||
      (entry.place !== undefined && block !== undefined && entry.place.block !== block)
    ) {
      groups.push([]);
    }
    groups[groups.length - 1].push(entry);
    block = entry.place?.block ?? block;
  }
  return groups;
}

/**
 * What decoding a picture of a set may take. It follows from the model and the picture alone, and not from what else
 * the isolate has loaded: whether a picture is embedded may not depend on where its shard runs.
 */
function decodingRoom({ weights }: Manifest, bundleBytes: number, own: number, held: Held): Held['decoding'] {
  const kept = weights?.serving === 'by-layer' ? bundleBytes : 0;
  const most = ISOLATE_BYTES - CODE_BYTES - heapBytes(MAX_HEAP_MODEL_BYTES) - kept - own;
  return (bytes, idle) => {
    if (bytes <= most) return held.decoding(bytes, idle);
    throw new PictureError(
      'picture_too_large',
      `Decoding the picture takes ${bytes} bytes; beside the model there are ${Math.floor(most)}. Make it smaller.`,
    );
  };
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
