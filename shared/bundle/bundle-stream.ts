import { ByteReader } from '../sets/byte-reader.ts';
import {
  announcedDigest,
  BUNDLE_TYPES,
  type Bundle,
  checkDigest,
  fromRaw,
  manifestOf,
  withoutDigest,
} from './bundle.ts';
import { BundleError, headerLength, parseHeader, type RawTensor } from './safetensors.ts';

/** SHA-256 of bytes that come one piece after the other. */
export interface StreamDigest {
  update(bytes: Uint8Array): Promise<void>;
  /** Lower-case hexadecimal. */
  finish(): Promise<string>;
}

/** A bundle, and its file in pieces: the tensors' are the memory that the bundle has them in. */
export interface StreamedBundle {
  readonly bundle: Bundle;
  readonly pieces: readonly Uint8Array[];
}

/**
 * Reads a bundle as it comes, and checks all that `readBundle` does. It is in memory once: each tensor in its
 * own buffer, packed as it is stored.
 *
 * @param limit bytes of the whole file, checked before any tensor is given memory.
 * @throws {BundleError}
 */
export async function readBundleStream(
  chunks: AsyncIterable<Uint8Array>,
  digest: StreamDigest,
  limit: number,
): Promise<StreamedBundle> {
  const reader = new ByteReader(chunks);
  const prefix = await reader.take(8);
  if (prefix.length < 8) {
    throw new BundleError(`A safetensors file has at least 8 bytes; this one has ${prefix.length}.`);
  }
  const length = headerLength(prefix);
  const text = await reader.take(length);
  if (text.length < length) {
    throw new BundleError(
      `The file is truncated: its header ends at byte ${8 + length}, the file at ${reader.position}.`,
    );
  }
  const dataStart = 8 + length;
  const { places, metadata } = parseHeader(new TextDecoder().decode(text), BUNDLE_TYPES);
  const announced = announcedDigest(metadata);
  const end = dataStart + (places.at(-1)?.end ?? 0);
  if (end > limit) throw new BundleError(`The bundle has ${end} bytes; ${limit} are served.`);

  const head = new Uint8Array(dataStart);
  head.set(prefix);
  head.set(text, 8);
  const pieces: Uint8Array[] = [head.slice()];
  withoutDigest(head, announced);
  await digest.update(head);
  const raw = new Map<string, RawTensor>();
  for (const { name, dtype, shape, begin, end } of places) {
    const bytes = await reader.take(end - begin);
    if (bytes.length < end - begin) {
      throw new BundleError(
        `The file is truncated: the tensor "${name}" ends at byte ${dataStart + end}, the file at ${reader.position}.`,
      );
    }
    await digest.update(bytes);
    pieces.push(bytes);
    raw.set(name, { dtype, shape, bytes: bytes as Uint8Array<ArrayBuffer> });
  }
  if ((await reader.some(1)).length > 0) throw new BundleError('The file has bytes after its last tensor.');
  checkDigest(await digest.finish(), announced);
  return {
    bundle: { manifest: manifestOf(metadata), tensors: fromRaw(raw), sha256: announced },
    pieces,
  };
}
