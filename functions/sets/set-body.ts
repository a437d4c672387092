import { ByteReader } from '@softmargin/shared/sets/byte-reader.ts';
import { MAX_DIMENSION, SetError, toLabels } from '@softmargin/shared/sets/embedding-set.ts';
import { type NpyStream, readNpyStream } from '@softmargin/shared/sets/npy-stream.ts';
import { readZipStream } from '@softmargin/shared/sets/zip-stream.ts';
import { MAX_BODY_FEATURES_BYTES, MAX_COLUMN_MAJOR_BYTES, MAX_SET_ROWS } from '../limits.ts';
import { BlockWriter } from './block-writer.ts';
import type { ContentStore } from './content-store.ts';

/** Features that were stored as blocks. */
export interface StoredFeatures {
  readonly count: number;
  readonly dimension: number;
  /** SHA-256 of each block. */
  readonly blocks: readonly string[];
}

/** What a features array announces, before its numbers come. */
export interface FeaturesShape {
  readonly count: number;
  readonly dimension: number;
  /** NumPy's name of the type without the byte order: `f4`. */
  readonly type: string;
}

/** What a body was found to hold. Which of it has to be there is for the caller to say. */
export interface SetBody {
  readonly features: StoredFeatures | undefined;
  readonly identities: Int32Array | undefined;
  readonly cameras: Int32Array | undefined;
}

/** Formats of bodies, by their first bytes. */
export function isZip(first: Uint8Array): boolean {
  return first[0] === 'P'.charCodeAt(0) && first[1] === 'K'.charCodeAt(0);
}

export function isNpy(first: Uint8Array): boolean {
  return first[0] === 0x93 && first[1] === 'N'.charCodeAt(0);
}

/**
 * Reads a `.npz` or a `.npy` (which is features alone) as it comes. The features go into stored blocks while
 * they come; labels are held. Throws `SetError`.
 *
 * @param accept is shown the shape of the features before they are read, to refuse them.
 */
export async function readSetBody(
  body: ByteReader,
  store: ContentStore,
  accept: (shape: FeaturesShape) => void = () => {},
): Promise<SetBody> {
  const first = await body.take(2);
  body.unread(first);
  if (isNpy(first)) {
    const features = await storeFeatures(await readNpyStream(body, 'features'), store, accept);
    return { features, identities: undefined, cameras: undefined };
  }
  if (!isZip(first)) {
    throw new SetError(
      'body',
      'The body is neither an .npz archive (it does not begin with PK) nor a .npy array (\\x93NUMPY).',
    );
  }

  let features: StoredFeatures | undefined;
  const labels: { identities?: Int32Array; cameras?: Int32Array } = {};
  const seen = new Set<string>();
  await readZipStream(body, (entry) => {
    const name = entry.replace(/\.npy$/, '');
    if (entry === name || (name !== 'features' && name !== 'identities' && name !== 'cameras')) {
      return undefined;
    }
    if (seen.has(name)) throw new SetError(name, `${entry}: the archive has it twice.`);
    seen.add(name);
    return async (data) => {
      const array = await readNpyStream(new ByteReader(data), name);
      if (name === 'features') features = await storeFeatures(array, store, accept);
      else labels[name] = await readLabels(array, name);
    };
  });
  return { features, identities: labels.identities, cameras: labels.cameras };
}

/** Refuses labels that are missing or of another number than the features. */
export function checkLabels(param: string, labels: Int32Array | undefined, count: number): Int32Array {
  if (labels === undefined) {
    throw new SetError(param, `${param}: every set has them; none came with ${count} rows of features.`);
  }
  if (labels.length !== count) {
    throw new SetError(param, `${param} has ${labels.length} entries for ${count} rows of features.`);
  }
  return labels;
}

async function storeFeatures(
  { header, values }: NpyStream,
  store: ContentStore,
  accept: (shape: FeaturesShape) => void,
): Promise<StoredFeatures> {
  const { shape, type, columnMajor } = header;
  if (shape.length !== 2) {
    throw new SetError(
      'features',
      `features has shape (${shape.join(', ')}), not two dimensions: rows, columns.`,
    );
  }
  const [count, dimension] = shape;
  checkShape(count, dimension);
  const bytes = 4 * count * dimension;
  if (bytes > MAX_BODY_FEATURES_BYTES) {
    throw new SetError(
      'features',
      `features of ${count} × ${dimension} are ${bytes} bytes as float32; one body may have ${MAX_BODY_FEATURES_BYTES}. Send a larger set in parts.`,
    );
  }
  if (columnMajor && bytes > MAX_COLUMN_MAJOR_BYTES) {
    throw new SetError(
      'features',
      `features is in Fortran order and ${bytes} bytes as float32; in that order up to ${MAX_COLUMN_MAJOR_BYTES} are read. Save it in C order (numpy.ascontiguousarray).`,
    );
  }
  accept({ count, dimension, type });
  const writer = new BlockWriter(store, count, dimension);
  if (columnMajor) {
    await writer.write(await toRows(values, count, dimension));
  } else {
    for await (const part of values) await writer.write(part);
  }
  return { count, dimension, blocks: await writer.end() };
}

/** Checks what holds for the features of every set, however they come. */
export function checkShape(count: number, dimension: number): void {
  if (count === 0) throw new SetError('features', 'features has no rows.');
  if (count > MAX_SET_ROWS) {
    throw new SetError('features', `features has ${count} rows; up to ${MAX_SET_ROWS} are stored.`);
  }
  if (dimension === 0 || dimension > MAX_DIMENSION) {
    throw new SetError('features', `features has ${dimension} columns; 1 to ${MAX_DIMENSION} are allowed.`);
  }
}

/** Numbers that come column by column, by rows. */
async function toRows(values: NpyStream['values'], count: number, dimension: number): Promise<Float32Array> {
  const rows = new Float32Array(count * dimension);
  let row = 0;
  let column = 0;
  for await (const part of values) {
    for (const value of part) {
      rows[row * dimension + column] = value;
      if (++row < count) continue;
      row = 0;
      column++;
    }
  }
  return rows;
}

async function readLabels({ header, values }: NpyStream, param: string): Promise<Int32Array> {
  const { shape, length } = header;
  if (shape.length !== 1) {
    throw new SetError(param, `${param} has shape (${shape.join(', ')}), not one dimension.`);
  }
  if (length > MAX_SET_ROWS) {
    throw new SetError(param, `${param} has ${length} entries; a set has up to ${MAX_SET_ROWS} rows.`);
  }
  const numbers = new Float64Array(length);
  let filled = 0;
  for await (const part of values) {
    numbers.set(part, filled);
    filled += part.length;
  }
  return toLabels(param, numbers);
}
