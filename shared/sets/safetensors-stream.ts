import { HEADER_LIMIT, parseHeader } from '../bundle/safetensors.ts';
import type { ByteReader } from './byte-reader.ts';
import { SetError } from './embedding-set.ts';
import { type ArrayStream, readValues } from './npy-stream.ts';
import { headerOf, refusingAsSet, SET_TENSOR_TYPES } from './safetensors.ts';

/** Takes a tensor as it comes. */
export type TensorVisitor = (tensor: ArrayStream) => Promise<void>;

/**
 * Reads a `.safetensors` file as it comes, tensor by tensor in the order of their data. Of the file, its header
 * is held. Throws {@link SetError}.
 *
 * @param visit gives who takes a tensor, by its name; `undefined` passes over it.
 */
export async function readSafetensorsStream(
  reader: ByteReader,
  visit: (name: string) => TensorVisitor | undefined,
): Promise<void> {
  const prefix = await reader.take(8);
  const length = prefix.length < 8 ? 0n : new DataView(prefix.buffer).getBigUint64(0, true);
  if (length === 0n || length > BigInt(HEADER_LIMIT)) {
    throw new SetError(
      'body',
      `Not a safetensors file: its first 8 bytes announce a header of ${length} bytes; 1 to ${HEADER_LIMIT} are read.`,
    );
  }
  const text = await reader.take(Number(length));
  if (text.length < Number(length)) {
    throw new SetError('body', `The file ends in its header, at byte ${reader.position}.`);
  }
  const { places } = refusingAsSet(() => parseHeader(new TextDecoder().decode(text), SET_TENSOR_TYPES));
  for (const { name, dtype, shape, begin, end } of places) {
    const visitor = visit(name);
    if (visitor === undefined) {
      const found = await reader.skip(end - begin);
      if (found < end - begin)
        throw new SetError(name, `${name}: of ${end - begin} bytes ${found} are there.`);
      continue;
    }
    const header = headerOf(dtype, shape);
    const start = reader.position;
    await visitor({ header, values: readValues(reader, header, name) });
    const left = end - begin - (reader.position - start);
    if (left > 0) throw new Error(`${left} bytes of ${name} were not read.`);
  }
  if ((await reader.some(1)).length > 0) {
    throw new SetError('body', 'The file has more bytes after its last tensor.');
  }
}
