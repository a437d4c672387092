import type { PictureNaming } from '@softmargin/shared/sets/picture-names.ts';
import { zipSync } from 'fflate';
import { type PutSet, picturePartSchema, putSetSchema, uploadBegunSchema } from './answers.ts';
import { SoftmarginError } from './error.ts';
import { MAX_BODY_BYTES, PART_BYTES } from './set-parts.ts';
import type { Transport } from './transport.ts';

/** A picture of a set: `path` says whose it is, as `names` reads it. */
export interface SetPicture {
  readonly path: string;
  /** The file, or what reads it when its turn comes: then the set need not be in memory. */
  readonly bytes: Uint8Array | (() => Promise<Uint8Array>);
}

export interface PutPicturesOptions {
  /** The most bytes of a request, of which a few are in memory at once. 32,000,000 by default. */
  readonly partBytes?: number;
  /** Told how many pictures are there. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Pictures of one archive: checking them takes processor time, of which a request has some seconds. */
const PART_PICTURES = 5_000;

/** What an archive has of an entry beside its bytes and, twice, its path. */
const ENTRY_BYTES = 128;

/** Sends pictures as one archive, or as one for each part where it would be larger than `partBytes`. */
export async function putPicturesInParts(
  transport: Transport,
  path: string,
  pictures: readonly SetPicture[],
  names: PictureNaming,
  { partBytes = PART_BYTES, onProgress, signal }: PutPicturesOptions,
): Promise<PutSet> {
  const headers = { 'Content-Type': 'application/octet-stream' };
  const count = pictures.length;
  let upload: string | undefined;
  let part = 0;
  try {
    for await (const { archive, end } of archivesOf(pictures, partBytes)) {
      signal?.throwIfAborted();
      part++;
      if (part === 1 && end === count) {
        const query = { names };
        return await transport.json(putSetSchema, path, {
          method: 'PUT',
          query,
          headers,
          body: archive,
          signal,
        });
      }
      upload ??= `${path}/uploads/${await begin(transport, path, { kind: 'pictures', count, names }, signal)}`;
      const place = `${upload}/parts/${part}`;
      await transport.json(picturePartSchema, place, { method: 'PUT', headers, body: archive, signal });
      onProgress?.(end, count);
    }
    return await transport.json(putSetSchema, `${upload}/complete`, { method: 'POST', signal });
  } catch (error) {
    // It would go by itself after a day.
    if (upload !== undefined) await transport.send(upload, { method: 'DELETE' }).catch(() => undefined);
    throw error;
  }
}

async function begin(
  transport: Transport,
  path: string,
  json: object,
  signal: AbortSignal | undefined,
): Promise<string> {
  const request = { method: 'POST', json, signal } as const;
  return (await transport.json(uploadBegunSchema, `${path}/uploads`, request)).id;
}

/** Pictures in archives, in their order; `end` is the number of those that are in this one or before it. */
async function* archivesOf(
  pictures: readonly SetPicture[],
  partBytes: number,
): AsyncGenerator<{ archive: Uint8Array; end: number }, void, undefined> {
  const encoder = new TextEncoder();
  let files: Record<string, Uint8Array> = {};
  let filled = 0;
  let first = 0;
  for (const [index, { path, bytes }] of pictures.entries()) {
    const file = typeof bytes === 'function' ? await bytes() : bytes;
    const size = file.length + 2 * encoder.encode(path).length + ENTRY_BYTES;
    if (size > MAX_BODY_BYTES) {
      throw new SoftmarginError(
        `${path} has ${file.length} bytes; a request has up to ${MAX_BODY_BYTES}, and a picture up to 8 MiB.`,
        { status: 0, code: 'body_too_large' },
      );
    }
    if (index > first && (filled + size > partBytes || index - first === PART_PICTURES)) {
      yield { archive: archiveOf(files), end: index };
      files = {};
      filled = 0;
      first = index;
    }
    if (Object.hasOwn(files, path)) {
      throw new SoftmarginError(`${path} is there twice; a path is in a set once.`, {
        status: 0,
        code: 'invalid_set',
      });
    }
    files[path] = file;
    filled += size;
  }
  yield { archive: archiveOf(files), end: pictures.length };
}

/** Pictures are packed already; a fixed time, so that the same pictures give the same bytes. */
function archiveOf(files: Record<string, Uint8Array>): Uint8Array {
  return zipSync(files, { level: 0, mtime: '1980-01-01T00:00:00' });
}
