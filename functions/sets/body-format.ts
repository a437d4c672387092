import { isTar } from '@softmargin/shared/sets/tar-stream.ts';

/** What a body is, by its first bytes. */
export type BodyFormat = 'zip' | 'gzip' | 'tar' | 'npy' | 'safetensors' | 'json' | 'json-lines' | 'csv';

/** As many bytes of a body as its format is told by. */
export const FORMAT_BYTES = 512;

/** The formats that are read, for whoever sent another. */
export const FORMATS_READ =
  '.npz and .zip (which begin with PK), .npy (\\x93NUMPY), .safetensors, .tar, .tar.gz, JSON lines and JSON; pictures come in a .zip, a .tar or a form';

/** The format of a body by its first {@link FORMAT_BYTES} bytes, whatever was declared; `undefined` of no known one. */
export function formatOf(first: Uint8Array): BodyFormat | undefined {
  const begins = (...bytes: number[]) => bytes.every((byte, i) => first[i] === byte);
  if (begins(0x50, 0x4b)) return 'zip';
  if (begins(0x1f, 0x8b)) return 'gzip';
  if (begins(0x93, 0x4e)) return 'npy';
  if (isTar(first)) return 'tar';
  // The length of a header below 4 GB, then the header, which is JSON.
  if (first[8] === 0x7b && first.subarray(4, 8).every((byte) => byte === 0)) return 'safetensors';
  const text = new TextDecoder().decode(first).trimStart();
  if (/^"?(identity|camera|group|path)"?\s*,/.test(text)) return 'csv';
  if (/^\{\s*"(identity|camera|group|embedding)"/.test(text)) return 'json-lines';
  return text.startsWith('{') ? 'json' : undefined;
}
