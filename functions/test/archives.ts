import type { EmbeddingSet } from '@softmargin/shared/sets/embedding-set.ts';
import { serialiseNpy } from '@softmargin/shared/sets/npy.ts';
import { type Zippable, zipSync } from 'fflate';

/** The rows of a set from `start` to before `end`. */
export function rowsOf(set: EmbeddingSet, start: number, end: number): EmbeddingSet {
  return {
    count: end - start,
    dimension: set.dimension,
    features: set.features.slice(start * set.dimension, end * set.dimension),
    identities: set.identities.slice(start, end),
    cameras: set.cameras.slice(start, end),
  };
}

/** Arrays of a set, some replaced or (for `undefined`) left out, as an archive with its entries in order. */
export function archiveOf(
  set: EmbeddingSet,
  order: readonly string[] = ['features', 'identities', 'cameras'],
  replaced: Record<string, Uint8Array> = {},
  level: 0 | 9 = 0,
): Uint8Array<ArrayBuffer> {
  const arrays: Record<string, Uint8Array> = {
    features: serialiseNpy(set.features, [set.count, set.dimension]),
    identities: serialiseNpy(set.identities, [set.identities.length]),
    cameras: serialiseNpy(set.cameras, [set.cameras.length]),
    ...replaced,
  };
  const files: Zippable = {};
  for (const name of order) files[`${name}.npy`] = arrays[name];
  return zipSync(files, { level }) as Uint8Array<ArrayBuffer>;
}

/** Files by their paths, as archives and forms carry them. */
export type Files = Readonly<Record<string, Uint8Array>>;

/** A tar archive of files, put together by POSIX's description (ustar). */
export function tarOf(files: Files): Uint8Array<ArrayBuffer> {
  const blocks = Object.entries(files).flatMap(([path, bytes]) => [
    tarHeader(path, bytes.length),
    padded(bytes),
  ]);
  return concatenated([...blocks, new Uint8Array(1024)]);
}

/** The header of an entry. @param type a file's, unless another is given. */
export function tarHeader(path: string, size: number, type = '0'): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(512);
  const put = (at: number, text: string) => header.set(new TextEncoder().encode(text), at);
  put(0, path.slice(0, 100));
  put(100, '0000644\0');
  put(124, `${size.toString(8).padStart(11, '0')}\0`);
  put(136, '00000000000\0');
  put(148, '        ');
  put(156, type);
  put(257, 'ustar\x0000');
  let sum = 0;
  for (const byte of header) sum += byte;
  put(148, `${sum.toString(8).padStart(6, '0')}\0 `);
  return header;
}

/** Bytes filled up to whole blocks of a tar archive. */
export function padded(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const filled = new Uint8Array(Math.ceil(bytes.length / 512) * 512);
  filled.set(bytes);
  return filled;
}

export function concatenated(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let filled = 0;
  for (const part of parts) {
    bytes.set(part, filled);
    filled += part.length;
  }
  return bytes;
}

/** Files as a form: each in the field of that name, with its path as the name of its file. */
export function formOf(field: string, files: Files): FormData {
  const form = new FormData();
  for (const [path, bytes] of Object.entries(files)) {
    form.append(field, new Blob([bytes as Uint8Array<ArrayBuffer>]), path);
  }
  return form;
}
