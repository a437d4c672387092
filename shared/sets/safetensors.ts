import { BundleError, parseTensors, type RawTensor, type TensorType } from '../bundle/safetensors.ts';
import { type EmbeddingSet, SetError, toLabels, validateSet } from './embedding-set.ts';
import { chooseFields, type Side } from './field-names.ts';
import { type NpyHeader, npyValues } from './npy.ts';

/**
 * Parses a set of a `.safetensors` file: `features` [n, d] of F16, F32 or F64, and `identities` [n], `cameras`
 * [n] and optionally `groups` [n] of I32, I64 or a float type (whole numbers of 32 bits in each). Throws {@link SetError}.
 *
 * @param side of a file that holds a query set and a gallery set.
 */
export function parseSafetensorsSet(bytes: Uint8Array, side?: Side): EmbeddingSet {
  const tensors = readTensors(bytes);
  const names = chooseFields([...tensors.keys()], side);
  const tensor = (name: string, dimensions: number): RawTensor => {
    const found = tensors.get(name) as RawTensor;
    if (found.shape.length !== dimensions) {
      const wanted = dimensions === 1 ? 'one dimension' : 'two dimensions: rows, columns';
      throw new SetError(name, `${name} has shape [${found.shape.join(', ')}], not ${wanted}.`);
    }
    return found;
  };
  const labels = (name: string) => toLabels(name, numbers(tensor(name, 1)));

  const features = tensor(names.features, 2);
  if (features.dtype === 'I32' || features.dtype === 'I64') {
    throw new SetError(
      names.features,
      `${names.features} is of ${features.dtype}; F16, F32 and F64 are read.`,
    );
  }
  return validateSet({
    count: features.shape[0],
    dimension: features.shape[1],
    features: Float32Array.from(numbers(features)),
    identities: labels(names.identities),
    cameras: labels(names.cameras),
    ...(names.groups !== undefined && { groups: labels(names.groups) }),
  });
}

function readTensors(bytes: Uint8Array): Map<string, RawTensor> {
  return refusingAsSet(() => parseTensors(bytes, SET_TENSOR_TYPES).tensors);
}

function numbers({ dtype, shape, bytes }: RawTensor): Float32Array | Float64Array {
  return npyValues(headerOf(dtype, shape), bytes);
}

/** The types of tensors that sets have, by NumPy's names. */
const NPY_TYPES = { F16: 'f2', F32: 'f4', F64: 'f8', I32: 'i4', I64: 'i8' } as const;

/** The types of tensors that sets have. */
export const SET_TENSOR_TYPES = Object.keys(NPY_TYPES) as TensorType[];

/** What a `.npy` file would say of a tensor of a set. */
export function headerOf(dtype: TensorType, shape: readonly number[]): NpyHeader {
  const type = NPY_TYPES[dtype as keyof typeof NPY_TYPES];
  return {
    ...{ shape, type, littleEndian: true, columnMajor: false, itemSize: Number(type[1]) },
    length: shape.reduce((product, n) => product * n, 1),
  };
}

/** Says of a file that is no safetensors that it is no set. */
export function refusingAsSet<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof BundleError) throw new SetError('body', error.message);
    throw error;
  }
}
