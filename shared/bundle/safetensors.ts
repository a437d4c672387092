import * as z from 'zod';

/**
 * The safetensors format: 8 bytes of header length (little-endian), a JSON header that gives every
 * tensor's type, shape and place, then the data. Read strictly: the parts must fill the file exactly,
 * without gaps or overlaps.
 *
 * @see https://github.com/huggingface/safetensors#format
 */
export interface SafetensorsFile {
  readonly tensors: Map<string, BundleTensor>;
  readonly metadata: Record<string, string>;
}

/** A named array of float32 in row-major order. */
export interface BundleTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** What is wrong with a file that should be safetensors or a bundle. The message names the part. */
export class BundleError extends Error {
  override readonly name = 'BundleError';
}

/** Bytes of a header, at most. */
export const HEADER_LIMIT = 1_000_000;

/** Not a key like others in JavaScript: objects built from a header would lose it. */
const UNNAMEABLE = '__proto__';

/** Bytes of a number of each type that is read. */
const TYPES = { BF16: 2, F16: 2, F32: 4, F64: 8, I8: 1, I32: 4, I64: 8 } as const;

export type TensorType = keyof typeof TYPES;

/** Where a tensor lies in a file: from byte `begin` of the data to before byte `end`. */
export interface TensorPlace {
  readonly name: string;
  readonly dtype: TensorType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** A tensor as it lies in a file: its numbers, little-endian, in a buffer of their own. */
export interface RawTensor {
  readonly dtype: TensorType;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const headerSchema = (types: readonly TensorType[]) =>
  z.record(
    z.string(),
    z.union([
      z.strictObject({
        dtype: z.enum(types),
        shape: z.array(z.int().nonnegative()).max(8),
        data_offsets: z.tuple([z.int().nonnegative(), z.int().nonnegative()]),
      }),
      z.record(z.string(), z.string()),
    ]),
  );

/** Parses a safetensors file of F32 tensors. Throws {@link BundleError}. */
export function parseSafetensors(bytes: Uint8Array): SafetensorsFile {
  const { tensors, metadata } = parseTensors(bytes, ['F32']);
  return {
    tensors: new Map(
      Array.from(tensors, ([name, { shape, bytes: data }]) => [
        name,
        { shape, data: new Float32Array(data.buffer) },
      ]),
    ),
    metadata,
  };
}

/** Parses a safetensors file of tensors of the given types. Throws {@link BundleError}. */
export function parseTensors(
  bytes: Uint8Array,
  types: readonly TensorType[],
): { readonly tensors: Map<string, RawTensor>; readonly metadata: Record<string, string> } {
  const { json, dataStart } = splitHeader(bytes);
  const { places, metadata } = parseHeader(json, types);
  const data = bytes.subarray(dataStart);
  const tensors = new Map<string, RawTensor>();
  for (const { name, dtype, shape, begin, end } of places) {
    if (end > data.length) {
      throw new BundleError(
        `The file is truncated: the tensor "${name}" ends at byte ${dataStart + end}, the file at ${bytes.length}.`,
      );
    }
    // A copy: the data of a tensor need not start at a multiple of its numbers' bytes. (Not by `slice`, which
    // on a Node Buffer is a view.)
    tensors.set(name, { dtype, shape, bytes: new Uint8Array(data.subarray(begin, end)) });
  }
  const filled = places.at(-1)?.end ?? 0;
  if (filled !== data.length) {
    throw new BundleError(`The file has ${data.length - filled} bytes after its last tensor.`);
  }
  return { tensors, metadata };
}

/**
 * Parses the JSON of a header. The tensors come in the order of their data, which fills the file from its
 * first byte without gaps. Throws {@link BundleError}.
 */
export function parseHeader(
  json: string,
  types: readonly TensorType[],
): { readonly places: readonly TensorPlace[]; readonly metadata: Record<string, string> } {
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    throw new BundleError('The safetensors header is not JSON.');
  }
  const header = headerSchema(types).safeParse(parsed);
  if (!header.success) {
    const issue = header.error.issues[0];
    throw new BundleError(
      `The safetensors header entry "${issue.path.join('.')}" is not a tensor of ${types.join(', ')} with shape and data_offsets.`,
    );
  }
  if (Object.hasOwn(parsed as object, UNNAMEABLE)) {
    throw new BundleError(`A tensor cannot be named "${UNNAMEABLE}".`);
  }

  const places: TensorPlace[] = [];
  let metadata: Record<string, string> = {};
  for (const [name, entry] of Object.entries(header.data)) {
    if (name === '__metadata__') {
      if (isTensorEntry(entry)) throw new BundleError('The safetensors "__metadata__" is not a map of text.');
      metadata = entry;
      continue;
    }
    if (!isTensorEntry(entry)) throw new BundleError(`The tensor "${name}" has no dtype.`);
    const { dtype, shape } = entry;
    const [begin, end] = entry.data_offsets;
    const size = TYPES[dtype] * shape.reduce((product, length) => product * length, 1);
    if (end - begin !== size) {
      throw new BundleError(
        `The tensor "${name}" of shape [${shape}] needs ${size} bytes, its data_offsets give ${end - begin}.`,
      );
    }
    places.push({ name, dtype, shape, begin, end });
  }
  places.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let filled = 0;
  for (const { name, begin, end } of places) {
    if (begin !== filled) {
      throw new BundleError(
        `The tensor "${name}" starts at data byte ${begin} where ${filled} was expected.`,
      );
    }
    filled = end;
  }
  return { places, metadata };
}

/** Writes tensors (in the map's order) and metadata as a safetensors file. Throws {@link BundleError}. */
export function serialiseSafetensors({ tensors, metadata }: SafetensorsFile): Uint8Array {
  return serialiseTensors(
    new Map(
      Array.from(tensors, ([name, { shape, data }]) => [
        name,
        { dtype: 'F32', shape, bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) },
      ]),
    ),
    metadata,
  );
}

/** The same of tensors of any type. Throws {@link BundleError}. */
export function serialiseTensors(
  tensors: ReadonlyMap<string, Omit<RawTensor, 'bytes'> & { readonly bytes: Uint8Array }>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  if (tensors.has(UNNAMEABLE)) throw new BundleError(`A tensor cannot be named "${UNNAMEABLE}".`);
  const header: Record<string, unknown> = { __metadata__: metadata };
  let offset = 0;
  for (const [name, { dtype, shape, bytes: data }] of tensors) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  // Padded with spaces to a multiple of eight, as the format's writers do, so that the data is aligned.
  const text = new TextEncoder().encode(JSON.stringify(header));
  const headerLength = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + headerLength + offset);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true);
  bytes.fill(0x20, 8, 8 + headerLength);
  bytes.set(text, 8);
  let position = 8 + headerLength;
  for (const { bytes: data } of tensors.values()) {
    bytes.set(data, position);
    position += data.byteLength;
  }
  return bytes;
}

/** The header's JSON text and where the data starts. Throws {@link BundleError}. */
export function splitHeader(bytes: Uint8Array): { json: string; dataStart: number } {
  if (bytes.length < 8) {
    throw new BundleError(`A safetensors file has at least 8 bytes; this one has ${bytes.length}.`);
  }
  const dataStart = 8 + headerLength(bytes);
  if (dataStart > bytes.length) {
    throw new BundleError(
      `The file is truncated: its header ends at byte ${dataStart}, the file at ${bytes.length}.`,
    );
  }
  return { json: new TextDecoder().decode(bytes.subarray(8, dataStart)), dataStart };
}

/** Throws {@link BundleError} unless the header's length, the file's first 8 bytes, is within the limit. */
export function headerLength(prefix: Uint8Array): number {
  const length = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true);
  if (length > BigInt(HEADER_LIMIT)) {
    throw new BundleError(
      `Not a safetensors file: its first 8 bytes announce a header of ${length} bytes, the limit is ${HEADER_LIMIT}.`,
    );
  }
  return Number(length);
}

function isTensorEntry(
  entry: Record<string, unknown>,
): entry is { dtype: TensorType; shape: number[]; data_offsets: [number, number] } {
  return Array.isArray(entry.data_offsets);
}
