import type { ByteReader } from './byte-reader.ts';
import { SetError } from './embedding-set.ts';
import {
  NPY_PREFIX_BYTES,
  type NpyHeader,
  npyHeaderRange,
  npyLengthError,
  npyValues,
  parseNpyHeader,
} from './npy.ts';

/** A header's text: NumPy's own are below 200 bytes; version 2 could announce gigabytes. */
const MAX_HEADER_BYTES = 65_535;

/** Numbers that are read in one go. */
const CHUNK_VALUES = 8192;

/** An array as it comes: what is said of it, then its numbers in the order of the file. */
export interface ArrayStream {
  readonly header: NpyHeader;
  /** Ends with an error where the data are shorter or longer than the header says. */
  readonly values: AsyncGenerator<Float32Array | Float64Array, void, undefined>;
}

/**
 * Reads a `.npy` file without holding it.
 *
 * @param param names the array in errors. Throws {@link SetError}.
 */
export async function readNpyStream(reader: ByteReader, param: string): Promise<ArrayStream> {
  const prefix = await reader.take(NPY_PREFIX_BYTES);
  const { start, end } = npyHeaderRange(prefix, param);
  if (end > MAX_HEADER_BYTES) {
    throw new SetError(
      param,
      `${param}: its header ends at byte ${end}; up to ${MAX_HEADER_BYTES} are read.`,
    );
  }
  reader.unread(prefix.subarray(start));
  const text = await reader.take(end - start);
  if (text.length < end - start) {
    throw new SetError(param, `${param}: its header ends at byte ${end} of ${start + text.length}.`);
  }
  const header = parseNpyHeader(text, param);
  return { header, values: readToEnd(reader, header, param) };
}

async function* readToEnd(
  reader: ByteReader,
  header: NpyHeader,
  param: string,
): AsyncGenerator<Float32Array | Float64Array, void, undefined> {
  yield* readValues(reader, header, param);
  if ((await reader.some(1)).length > 0) throw npyLengthError(header, param, 'more');
}

/** Reads the numbers of an array whose header is known, and not what comes behind them. */
export async function* readValues(
  reader: ByteReader,
  header: NpyHeader,
  param: string,
): AsyncGenerator<Float32Array | Float64Array, void, undefined> {
  const total = header.length * header.itemSize;
  for (let left = total; left > 0; ) {
    const wanted = Math.min(left, CHUNK_VALUES * header.itemSize);
    const bytes = await reader.take(wanted);
    if (bytes.length < wanted) throw npyLengthError(header, param, `${total - left + bytes.length}`);
    left -= wanted;
    yield npyValues(header, bytes);
  }
}
