import type { ByteReader } from '@softmargin/shared/sets/byte-reader.ts';
import { SetError } from '@softmargin/shared/sets/embedding-set.ts';
import type { OwnedBindings } from '../owners.ts';
import { rowsPerBlockOf } from './block-writer.ts';
import { joinLabels } from './content.ts';
import { bytesOf, putObject, sha256Of } from './content-store.ts';
import { checkLabels, type FeaturesShape, readSetBody, type SetBodyOptions } from './set-body.ts';
import { DTYPES, type EmbeddingsUpload, storeHeld, type UploadPart } from './uploads.ts';

/** Stores one part of an upload of embeddings. Until all of it is stored and checked, the part before it stands. */
export function storePart(
  bindings: OwnedBindings,
  upload: EmbeddingsUpload,
  part: number,
  body: ByteReader,
  reading: Pick<SetBodyOptions, 'side' | 'boundary'>,
): Promise<{ stored: UploadPart; created: boolean }> {
  return storeHeld(bindings, upload, async (store) => {
    const found = await readSetBody(body, store, {
      ...reading,
      accept: (shape) => checkPart(upload, part, shape),
    });
    if (found.features === undefined) {
      throw new SetError(
        'features',
        `Part ${part} has no array "features". (An upload of pictures begins with "kind": "pictures".)`,
      );
    }
    const { count: rows, blocks } = found.features;
    let labels: string | null = null;
    if (Object.keys(found.labels).length > 0) {
      labels = await putObject(store, bytesOf(joinLabels(checkLabels(found.labels, rows))));
    }
    const sha256 = await sha256Of(new TextEncoder().encode(JSON.stringify({ rows, blocks, labels })));
    return { part, rows, sha256, blocks, labels, bytes: 0 };
  });
}

/** Refuses a part that cannot fit into its set, before its numbers come. */
function checkPart(
  { count, dimension, dtype }: EmbeddingsUpload,
  part: number,
  { count: rows, dimension: columns, type }: FeaturesShape,
): void {
  const fail = (message: string) => new SetError('features', `features of part ${part}: ${message}`);
  if (columns !== dimension) {
    throw fail(`${columns} columns; the upload was begun with dimension ${dimension}.`);
  }
  if (rows > count) throw fail(`${rows} rows; the whole upload was begun with count ${count}.`);
  if (dtype !== undefined && type !== DTYPES[dtype]) {
    throw fail(`type ${type}; the upload was begun with dtype ${dtype} (${DTYPES[dtype]}).`);
  }
  const multiple = rowsPerBlockOf(dimension);
  // Only the last part may end within a block, and how far into it is known.
  if (rows % multiple !== 0 && rows % multiple !== count % multiple) {
    throw fail(
      `${rows} rows; every part but the last has a multiple of ${multiple}, the last one ${count % multiple} more than a multiple.`,
    );
  }
}
