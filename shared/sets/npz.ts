import { zipSync } from 'fflate';
import { type EmbeddingSet, SetError, toLabels, validateSet } from './embedding-set.ts';
import { type NpyArray, parseNpy, serialiseNpy } from './npy.ts';
import { unzip } from './zip.ts';

/**
 * Parses a `.npz` archive with the arrays `features` [n, d], `identities` [n] and `cameras` [n], as
 * `numpy.savez` and `numpy.savez_compressed` write it. Throws {@link SetError}.
 *
 * @param maxBytes limit on the uncompressed size of the arrays together.
 */
export function parseNpz(bytes: Uint8Array, maxBytes: number): EmbeddingSet {
  const arrays = unzipArrays(bytes, maxBytes);
  const array = (name: string): NpyArray => {
    const file = arrays[`${name}.npy`];
    if (file === undefined) {
      const found = Object.keys(arrays).map((entry) => entry.replace(/\.npy$/, ''));
      throw new SetError(name, `The archive has no array "${name}"; it has ${found.join(', ') || 'none'}.`);
    }
    return parseNpy(file, name);
  };
  const labels = (name: string): Int32Array => {
    const { shape, values } = array(name);
    if (shape.length !== 1) {
      throw new SetError(name, `${name} has shape (${shape.join(', ')}), not one dimension.`);
    }
    return toLabels(name, values);
  };

  const { shape, values } = array('features');
  if (shape.length !== 2) {
    throw new SetError(
      'features',
      `features has shape (${shape.join(', ')}), not two dimensions: rows, columns.`,
    );
  }
  return validateSet({
    count: shape[0],
    dimension: shape[1],
    features: values instanceof Float32Array ? values : Float32Array.from(values),
    identities: labels('identities'),
    cameras: labels('cameras'),
  });
}

/** Writes a set as an uncompressed `.npz`, which `numpy.load` and {@link parseNpz} read. */
export function serialiseNpz(set: EmbeddingSet): Uint8Array {
  const { count, dimension, features, identities, cameras } = set;
  return zipSync(
    {
      'features.npy': serialiseNpy(features, [count, dimension]),
      'identities.npy': serialiseNpy(identities, [count]),
      'cameras.npy': serialiseNpy(cameras, [count]),
    },
    // A fixed time, so that the same set gives the same bytes.
    { level: 0, mtime: '1980-01-01T00:00:00' },
  );
}

function unzipArrays(bytes: Uint8Array, maxBytes: number): Record<string, Uint8Array> {
  let total = 0;
  return unzip(bytes, (name, size) => {
    if (!name.endsWith('.npy')) return false;
    total += size;
    if (total > maxBytes) {
      throw new SetError(
        'body',
        `The arrays unpack to ${total} bytes and more; the limit is ${maxBytes} bytes.`,
      );
    }
    return true;
  });
}
