import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import { serialiseNpz } from '@softmargin/shared/sets/npz.ts';
import { type PutSet, partSchema, putSetSchema, uploadSchema } from './answers.ts';
import type { Transport } from './transport.ts';

/** What the service takes in one request. */
export const MAX_BODY_BYTES = 100_000_000;

/** A part that is lost on the way is sent again as a whole, so it is smaller than it might be. */
export const PART_BYTES = 32_000_000;

/** Headers and directory of an archive, and the headers of its arrays. */
const ARCHIVE_BYTES = 4096;

/** A features row and its labels. */
function bytesOfRows({ dimension, groups }: EmbeddingSet, rows: number): number {
  return rows * 4 * (dimension + (groups === undefined ? 2 : 3)) + ARCHIVE_BYTES;
}

/** Sends a set as one `.npz`, or as one for each part where it would be larger than `bodyBytes`. */
export async function putInParts(
  transport: Transport,
  path: string,
  set: EmbeddingSet,
  options: {
    readonly bodyBytes?: number;
    readonly onProgress?: ((done: number, total: number) => void) | undefined;
    readonly signal?: AbortSignal | undefined;
  },
): Promise<PutSet> {
  const { bodyBytes = MAX_BODY_BYTES, onProgress, signal } = options;
  const { count, dimension } = set;
  const headers = { 'Content-Type': 'application/octet-stream' };
  if (bytesOfRows(set, count) <= bodyBytes) {
    const body = serialiseNpz(set);
    const stored = await transport.json(putSetSchema, path, { method: 'PUT', headers, body, signal });
    onProgress?.(count, count);
    return stored;
  }
  const { id, partRule } = await transport.json(uploadSchema, `${path}/uploads`, {
    method: 'POST',
    json: { count, dimension },
    signal,
  });
  const upload = `${path}/uploads/${id}`;
  try {
    const fitting = Math.floor((Math.min(bodyBytes, PART_BYTES) - ARCHIVE_BYTES) / bytesOfRow(set));
    const { rowsMultipleOf } = partRule;
    const rows = Math.max(1, Math.floor(fitting / rowsMultipleOf)) * rowsMultipleOf;
    for (let start = 0, part = 1; start < count; start += rows, part++) {
      const end = Math.min(start + rows, count);
      const body = serialiseNpz(rowsOf(set, start, end));
      const place = `${upload}/parts/${part}`;
      await transport.json(partSchema, place, { method: 'PUT', headers, body, signal });
      onProgress?.(end, count);
    }
    return await transport.json(putSetSchema, `${upload}/complete`, { method: 'POST', signal });
  } catch (error) {
    // It would go by itself after a day.
    await transport.send(upload, { method: 'DELETE' }).catch(() => undefined);
    throw error;
  }
}

function bytesOfRow(set: EmbeddingSet): number {
  return bytesOfRows(set, 1) - ARCHIVE_BYTES;
}

function rowsOf(set: EmbeddingSet, start: number, end: number): EmbeddingSet {
  const { dimension, features, identities, cameras, groups } = set;
  return {
    count: end - start,
    dimension,
    features: features.subarray(start * dimension, end * dimension),
    identities: identities.subarray(start, end),
    cameras: cameras.subarray(start, end),
    ...(groups && { groups: groups.subarray(start, end) }),
  };
}
