import { zipSync } from 'fflate';
import { type EmbeddingSet, SetError, toLabels, validateSet } from './embedding-set.ts';
import { chooseFields, type Side } from './field-names.ts';
import { parseNpy, serialiseNpy } from './npy.ts';
import { unzip } from './zip.ts';

const EXTENSION = '.npy';

/**
 * Parses a `.npz` archive with the arrays `features` [n, d], `identities` [n] and `cameras` [n], and
 * optionally `groups` [n], as `numpy.savez` and `numpy.savez_compressed` write it. The names that the field
 * saves them under are known too ({@link chooseFields}). Throws {@link SetError}.
 *
 * @param maxBytes limit on the uncompressed size of the arrays together.
 * @param side of an archive that holds a query set and a gallery set.
 */
export function parseNpz(bytes: Uint8Array, maxBytes: number, side?: Side): EmbeddingSet {
  const names = chooseFields(arrayNames(bytes), side);
  const arrays = unzipArrays(bytes, Object.values(names), maxBytes);
  const labels = (name: string): Int32Array => {
    const { shape, values } = parseNpy(arrays[name + EXTENSION], name);
    if (shape.length !== 1) {
      throw new SetError(name, `${name} has shape (${shape.join(', ')}), not one dimension.`);
    }
    return toLabels(name, values);
  };

  const { shape, values } = parseNpy(arrays[names.features + EXTENSION], names.features);
  if (shape.length !== 2) {
    throw new SetError(
      names.features,
      `${names.features} has shape (${shape.join(', ')}), not two dimensions: rows, columns.`,
    );
  }
  return validateSet({
    count: shape[0],
    dimension: shape[1],
    features: values instanceof Float32Array ? values : Float32Array.from(values),
    identities: labels(names.identities),
    cameras: labels(names.cameras),
    ...(names.groups !== undefined && { groups: labels(names.groups) }),
  });
}

/** Writes a set as an uncompressed `.npz`, which `numpy.load` and {@link parseNpz} read. */
export function serialiseNpz(set: EmbeddingSet): Uint8Array {
  const { count, dimension, features, identities, cameras, groups } = set;
  return zipSync(
    {
      'features.npy': serialiseNpy(features, [count, dimension]),
      'identities.npy': serialiseNpy(identities, [count]),
      'cameras.npy': serialiseNpy(cameras, [count]),
      ...(groups !== undefined && { 'groups.npy': serialiseNpy(groups, [count]) }),
    },
    // A fixed time, so that the same set gives the same bytes.
    { level: 0, mtime: '1980-01-01T00:00:00' },
  );
}

/** The names of the arrays in an archive. */
function arrayNames(bytes: Uint8Array): string[] {
  const names: string[] = [];
  unzip(bytes, (name) => {
    if (name.endsWith(EXTENSION)) names.push(name.slice(0, -EXTENSION.length));
    return false;
  });
  return names;
}

function unzipArrays(
  bytes: Uint8Array,
  wanted: readonly (string | undefined)[],
  maxBytes: number,
): Record<string, Uint8Array> {
  let total = 0;
  return unzip(bytes, (name, originalSize) => {
    if (!name.endsWith(EXTENSION) || !wanted.includes(name.slice(0, -EXTENSION.length))) return false;
    total += originalSize;
    if (total > maxBytes) {
      throw new SetError(
        'body',
        `The arrays unpack to ${total} bytes and more; the limit is ${maxBytes} bytes.`,
      );
    }
    return true;
  });
}
