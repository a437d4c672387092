import type { BundleTensor } from '../bundle/bundle.ts';
import { parseTensors, type RawTensor } from '../bundle/safetensors.ts';
import type { Random } from '../random.ts';
import { complaintsAbout } from './fit.ts';
import type { Architecture } from './layers.ts';
import { parametersOf } from './parameters.ts';
import { initialParameter } from './training.ts';

/** Why a state dict is not one of an architecture. The message lists all that is wrong. */
export class StateDictError extends Error {
  override readonly name = 'StateDictError';
}

/** A network's parameters as a state dict gave them. */
export interface LoadedStateDict {
  readonly parameters: Map<string, BundleTensor>;
  /** Entries of the state dict that a network without a classifier has no use for. */
  readonly ignored: readonly string[];
  /** Parameters of the head that the state dict did not have, and that start afresh. */
  readonly initialised: readonly string[];
}

/** Wrappers around a backbone, by the prefix they leave: DataParallel, fast-reid, the strong baseline. */
const WRAPPERS = /^(module\.)?(backbone\.|base\.)?/;

/** Our names for the heads of fast-reid and of the strong baseline. */
const HEADS: readonly (readonly [prefix: string, ours: string])[] = [
  ['heads.bottleneck.0.', 'neck.'],
  ['bottleneck.', 'neck.'],
  ['heads.pool_layer.p', 'pool.p'],
];

/** Classifiers, fast-reid's pixel statistics, and PyTorch's count of batches. */
const WITHOUT_USE =
  /^(fc|classifier|heads\.classifier|head)\.|^heads\.weight$|^pixel_(mean|std)$|(^|\.)num_batches_tracked$/;

/**
 * Makes the parameters of an architecture of a PyTorch state dict that was saved as safetensors: by
 * torchvision, torchreid, IBN-Net's release or fast-reid.
 *
 * @param bytes the safetensors file; F32, and I64 where it counts batches.
 * @param random draws what the head starts from where the state dict has none.
 * @throws {BundleError} for a file that is not safetensors.
 * @throws {StateDictError} with every entry that is missing, unexpected, misshapen or not finite.
 */
export function loadStateDict(
  architecture: Architecture,
  bytes: Uint8Array,
  random: Random,
): LoadedStateDict {
  const expected = parametersOf(architecture);
  const names = new Set(expected.map(({ name }) => name));
  const parameters = new Map<string, BundleTensor>();
  const ignored: string[] = [];
  const complaints: string[] = [];
  for (const [entry, tensor] of parseTensors(bytes, ['F32', 'I64']).tensors) {
    const name = ourName(entry);
    if (!names.has(name) && WITHOUT_USE.test(name)) {
      ignored.push(entry);
    } else if (tensor.dtype !== 'F32') {
      complaints.push(`${entry} is of type ${tensor.dtype}, not F32`);
    } else if (parameters.has(name)) {
      complaints.push(`${entry} is there twice, as ${name}`);
    } else {
      parameters.set(name, toFloats(tensor));
    }
  }
  const initialised: string[] = [];
  for (const parameter of expected) {
    const { name } = parameter;
    if (parameters.has(name) || !architecture.head?.some((prefix) => name.startsWith(prefix))) continue;
    parameters.set(name, initialParameter(parameter, random));
    initialised.push(name);
  }
  complaints.push(...complaintsAbout(architecture, parameters));
  if (complaints.length > 0) {
    throw new StateDictError(`The state dict does not fit ${architecture.name}: ${complaints.join('; ')}.`);
  }
  return { parameters, ignored, initialised };
}

function ourName(entry: string): string {
  const name = entry.replace(WRAPPERS, '');
  const head = HEADS.find(([prefix]) => name.startsWith(prefix));
  return head === undefined ? name : head[1] + name.slice(head[0].length);
}

function toFloats({ shape, bytes }: RawTensor): BundleTensor {
  return { shape, data: new Float32Array(bytes.buffer) };
}
