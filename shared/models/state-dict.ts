import type { BundleTensor } from '../bundle/bundle.ts';
import { HalfTensor } from '../bundle/packed-tensor.ts';
import { parseTensors, type RawTensor, type TensorType } from '../bundle/safetensors.ts';
import type { Variant } from '../bundle/variant.ts';
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

/** Our names for the heads of fast-reid, of the strong baseline, and of AGW's authors. */
const HEADS: readonly (readonly [prefix: string, ours: string])[] = [
  ['heads.bottleneck.0.', 'neck.'],
  ['heads.bnneck.', 'neck.'],
  ['bottleneck.', 'neck.'],
  ['heads.pool_layer.p', 'pool.p'],
  ['global_pool.p', 'pool.p'],
];

/** What the parameters of a state dict may be. */
const FLOATS: readonly TensorType[] = ['F32', 'F16', 'BF16'];

/** Classifiers, fast-reid's pixel statistics, and PyTorch's count of batches. */
const WITHOUT_USE =
  /^(fc|classifier|heads\.classifier|head)\.|^heads\.weight$|^pixel_(mean|std)$|(^|\.)num_batches_tracked$/;

/**
 * Makes the parameters of an architecture of a PyTorch state dict that was saved as safetensors: by
 * torchvision, torchreid, IBN-Net's release or fast-reid.
 *
 * @param bytes the safetensors file; F32, F16 or BF16, and I64 where it counts batches.
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
  for (const [entry, tensor] of parseTensors(bytes, [...FLOATS, 'I64']).tensors) {
    const name = ourName(entry);
    if (!names.has(name) && WITHOUT_USE.test(name)) {
      ignored.push(entry);
    } else if (!FLOATS.includes(tensor.dtype)) {
      complaints.push(`${entry} is of type ${tensor.dtype}, not one of ${FLOATS.join(', ')}`);
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

/**
 * How a state dict's network differs from the definition, by its names:
 * - without a neck it ends in the pooled feature, and its last stride is torchvision's 2;
 * - fast-reid (`backbone.`, `heads.`) does not pad the first pooling and rounds it up
 *   (fastreid/modeling/backbones/resnet.py);
 * - the strong baseline (`base.`), and AGW's authors with it, have no ReLU after the first normalisation
 *   (reid-strong-baseline, modeling/backbones/resnet.py; ReID-Survey, resnet_nl.py), but for IBN-a
 *   (resnet_ibn_a.py of both);
 * - with `NL_…` it has non-local blocks.
 *
 * @param asked goes before what the names say.
 * @returns only what is not the definition's; `undefined` where nothing is.
 */
export function variantOf(
  { vary }: Architecture,
  bytes: Uint8Array,
  asked: Variant = {},
): Variant | undefined {
  if (vary === undefined) return Object.keys(asked).length > 0 ? asked : undefined;
  const entries = [...parseTensors(bytes, [...FLOATS, 'I64']).tensors.keys()];
  const hasNeck = entries.some((entry) => ourName(entry).startsWith('neck.'));
  const neck = asked.neck ?? (hasNeck ? 'batch-normalisation' : 'none');
  const isFastReid = entries.some((entry) => /^(module\.)?(backbone|heads)\./.test(entry));
  const isStrongBaseline = entries.some((entry) => /^(module\.)?base\./.test(entry));
  const isInstanceBatch = entries.some((entry) => entry.includes('.bn1.IN.'));
  const found: Required<Variant> = {
    neck,
    lastStride: neck === 'none' ? 2 : 1,
    stemPool: isFastReid ? 'ceil' : 'padded',
    stemActivation: isStrongBaseline && !isInstanceBatch ? 'none' : 'relu',
    nonLocal: entries.some((entry) => ourName(entry).startsWith('NL_')),
    ...asked,
  };
  const definition: Required<Variant> = {
    neck: 'batch-normalisation',
    lastStride: 1,
    stemPool: 'padded',
    stemActivation: 'relu',
    nonLocal: false,
  };
  const fields = (Object.keys(found) as (keyof Variant)[]).filter(
    (field) => field in asked || (vary.fields.includes(field) && found[field] !== definition[field]),
  );
  if (fields.length === 0) return undefined;
  return Object.fromEntries(fields.map((field) => [field, found[field]]));
}

function ourName(entry: string): string {
  const name = entry.replace(WRAPPERS, '');
  const head = HEADS.find(([prefix]) => name.startsWith(prefix));
  return head === undefined ? name : head[1] + name.slice(head[0].length);
}

function toFloats({ dtype, shape, bytes }: RawTensor): BundleTensor {
  if (dtype === 'F32') return { shape, data: new Float32Array(bytes.buffer) };
  const halves = new Uint16Array(bytes.buffer);
  if (dtype === 'F16') return { shape, data: new HalfTensor(shape, halves).data };
  // The upper half of a float32.
  const bits = Uint32Array.from(halves, (half) => half << 16);
  return { shape, data: new Float32Array(bits.buffer) };
}
