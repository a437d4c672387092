import { type Manifest, manifestSchema } from './manifest.ts';
import { HalfTensor, ScaledTensor } from './packed-tensor.ts';
import {
  BundleError,
  type BundleTensor,
  parseTensors,
  type RawTensor,
  serialiseTensors,
  splitHeader,
  type TensorType,
} from './safetensors.ts';

export { BundleError, type BundleTensor } from './safetensors.ts';

/**
 * A model in one file: safetensors with PyTorch's names and layouts, the manifest in its metadata, and a
 * SHA-256 over the whole file, taken with the digest's own 64 digits set to zero. One altered byte
 * anywhere, in the weights or in what is said of them, is found when the bundle is read.
 *
 * Weights are F32, F16, or I8 with a scale for each output channel, F32 [out], under the name of
 * {@link scalesOf}.
 */
export interface Bundle {
  readonly manifest: Manifest;
  readonly tensors: Map<string, BundleTensor>;
  /** Lower-case hexadecimal: also the version by which services name these weights. */
  readonly sha256: string;
}

/** What tensors of a bundle may be. */
export const BUNDLE_TYPES: readonly TensorType[] = ['F32', 'F16', 'I8'];

const MANIFEST_KEY = 'softmargin.manifest';
const DIGEST_KEY = 'softmargin.sha256';
const NO_DIGEST = '0'.repeat(64);
const DIGIT_ZERO = '0'.charCodeAt(0);

/** The name under which the scales of an int8 tensor are stored. */
const scalesOf = (name: string) => `${name}.scales`;

/** Writes a bundle, each tensor as it is held. The same manifest and tensors give the same bytes. */
export async function writeBundle(
  manifest: Manifest,
  tensors: ReadonlyMap<string, BundleTensor>,
): Promise<Uint8Array> {
  const bytes = serialiseTensors(toRaw(tensors), {
    [DIGEST_KEY]: NO_DIGEST,
    [MANIFEST_KEY]: JSON.stringify(manifestSchema.parse(manifest)),
  });
  bytes.set(new TextEncoder().encode(await sha256(bytes)), digestPosition(bytes, NO_DIGEST));
  return bytes;
}

/**
 * Reads a bundle and checks all of it: format, digest, manifest. Whether the tensors fit the architecture
 * is checked where the network is built. Throws {@link BundleError}.
 */
export async function readBundle(bytes: Uint8Array): Promise<Bundle> {
  const { tensors, metadata } = parseTensors(bytes, BUNDLE_TYPES);
  const digest = announcedDigest(metadata);
  const unsigned = new Uint8Array(bytes);
  withoutDigest(unsigned, digest);
  checkDigest(await sha256(unsigned), digest);
  return { manifest: manifestOf(metadata), tensors: fromRaw(tensors), sha256: digest };
}

/** The digest that a bundle says it has. Throws {@link BundleError}. */
export function announcedDigest(metadata: Readonly<Record<string, string>>): string {
  const digest = metadata[DIGEST_KEY];
  if (metadata[MANIFEST_KEY] === undefined || digest === undefined) {
    const missing = metadata[MANIFEST_KEY] === undefined ? MANIFEST_KEY : DIGEST_KEY;
    throw new BundleError(`Not a bundle: the safetensors metadata has no "${missing}".`);
  }
  if (!/^[0-9a-f]{64}$/.test(digest)) {
    throw new BundleError(`The metadata "${DIGEST_KEY}" is not 64 lower-case hexadecimal digits.`);
  }
  return digest;
}

/** Sets the digits of the digest to zero, in a bundle or in its first bytes up to the tensors. */
export function withoutDigest(bytes: Uint8Array, digest: string): void {
  const position = digestPosition(bytes, digest);
  bytes.fill(DIGIT_ZERO, position, position + digest.length);
}

/** Throws {@link BundleError} unless a bundle has the digest that it says. */
export function checkDigest(found: string, digest: string): void {
  if (found !== digest) {
    throw new BundleError(`The bundle was altered: its SHA-256 is ${found}, it says ${digest}.`);
  }
}

/** The manifest in a bundle's metadata. Throws {@link BundleError}. */
export function manifestOf(metadata: Readonly<Record<string, string>>): Manifest {
  let manifest: unknown;
  try {
    manifest = JSON.parse(metadata[MANIFEST_KEY]);
  } catch {
    throw new BundleError('The manifest is not JSON.');
  }
  const checked = manifestSchema.safeParse(manifest);
  if (!checked.success) {
    const issue = checked.error.issues[0];
    throw new BundleError(`The manifest's ${issue.path.join('.') || 'content'}: ${issue.message}.`);
  }
  return checked.data;
}

/** Tensors of a bundle from how they lie in the file, packed ones left packed. Throws {@link BundleError}. */
export function fromRaw(raw: ReadonlyMap<string, RawTensor>): Map<string, BundleTensor> {
  const tensors = new Map<string, BundleTensor>();
  const scales = new Set<string>();
  for (const [name, { dtype, shape, bytes }] of raw) {
    if (dtype === 'F16') {
      tensors.set(name, new HalfTensor(shape, new Uint16Array(bytes.buffer)));
    } else if (dtype === 'I8') {
      const found = raw.get(scalesOf(name));
      if (found?.dtype !== 'F32' || found.shape.join() !== `${shape[0]}`) {
        throw new BundleError(
          `The tensor "${name}" is I8 and needs "${scalesOf(name)}", F32 of shape [${shape[0]}].`,
        );
      }
      scales.add(scalesOf(name));
      tensors.set(
        name,
        new ScaledTensor(shape, new Int8Array(bytes.buffer), new Float32Array(found.bytes.buffer)),
      );
    } else {
      tensors.set(name, { shape, data: new Float32Array(bytes.buffer) });
    }
  }
  for (const name of scales) tensors.delete(name);
  return tensors;
}

function toRaw(tensors: ReadonlyMap<string, BundleTensor>) {
  const raw = new Map<string, { dtype: TensorType; shape: readonly number[]; bytes: Uint8Array }>();
  for (const [name, tensor] of tensors) {
    const { shape } = tensor;
    if (tensor instanceof HalfTensor) {
      raw.set(name, { dtype: 'F16', shape, bytes: bytesOf(tensor.halves) });
    } else if (tensor instanceof ScaledTensor) {
      raw.set(scalesOf(name), { dtype: 'F32', shape: [shape[0]], bytes: bytesOf(tensor.scales) });
      raw.set(name, { dtype: 'I8', shape, bytes: bytesOf(tensor.steps) });
    } else {
      raw.set(name, { dtype: 'F32', shape, bytes: bytesOf(tensor.data) });
    }
  }
  // As safetensors' own writers do, the wider types first: all of them are then aligned.
  const width = { F32: 0, F16: 1, I8: 2 } as Record<TensorType, number>;
  return new Map([...raw].sort(([, a], [, b]) => width[a.dtype] - width[b.dtype]));
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** Byte position of the digest's digits: in the header, which is ASCII up to there (the digest comes first). */
function digestPosition(bytes: Uint8Array, digest: string): number {
  const { json } = splitHeader(bytes);
  const marker = `"${DIGEST_KEY}":"`;
  const position = json.indexOf(`${marker}${digest}"`);
  if (position < 0) throw new BundleError(`The metadata "${DIGEST_KEY}" is not written as ${marker}…".`);
  return 8 + new TextEncoder().encode(json.slice(0, position)).length + marker.length;
}

async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
