import { BundleError, parseTensors, type RawTensor } from '../bundle/safetensors.ts';
import { type EmbeddingSet, SetError, toLabels, validateSet } from './embedding-set.ts';
import { chooseFields, type Side } from './field-names.ts';

/**
 * Parses a set of a `.safetensors` file: `features` [n, d] of F32, and `identities` [n], `cameras` [n] and
 * optionally `groups` [n] of I32, I64 or F32 (whole numbers of 32 bits in each). Throws {@link SetError}.
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
  if (features.dtype !== 'F32') {
    throw new SetError(names.features, `${names.features} is of ${features.dtype}; F32 is read.`);
  }
  return validateSet({
    count: features.shape[0],
    dimension: features.shape[1],
    features: new Float32Array(features.bytes.buffer),
    identities: labels(names.identities),
    cameras: labels(names.cameras),
    ...(names.groups !== undefined && { groups: labels(names.groups) }),
  });
}

function readTensors(bytes: Uint8Array): Map<string, RawTensor> {
  try {
    return parseTensors(bytes, ['F32', 'I32', 'I64']).tensors;
  } catch (error) {
    if (error instanceof BundleError) throw new SetError('body', error.message);
    throw error;
  }
}

function numbers({ dtype, bytes }: RawTensor): ArrayLike<number> {
  switch (dtype) {
    case 'F32':
      return new Float32Array(bytes.buffer);
    case 'I32':
      return new Int32Array(bytes.buffer);
    case 'I64':
      return Float64Array.from(new BigInt64Array(bytes.buffer), Number);
  }
}
