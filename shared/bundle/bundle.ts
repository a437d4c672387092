import { type Manifest, manifestSchema } from './manifest.ts';
import {
  BundleError,
  type BundleTensor,
  parseSafetensors,
  serialiseSafetensors,
  splitHeader,
} from './safetensors.ts';

export { BundleError, type BundleTensor } from './safetensors.ts';

/**
 * A model in one file: safetensors with PyTorch's names and layouts, the manifest in its metadata, and a
 * SHA-256 over the whole file, taken with the digest's own 64 digits set to zero. One altered byte
 * anywhere, in the weights or in what is said of them, is found when the bundle is read.
 */
export interface Bundle {
  readonly manifest: Manifest;
  readonly tensors: Map<string, BundleTensor>;
  /** Lower-case hexadecimal: also the version by which services name these weights. */
  readonly sha256: string;
}

const MANIFEST_KEY = 'softmargin.manifest';
const DIGEST_KEY = 'softmargin.sha256';
const NO_DIGEST = '0'.repeat(64);

/** Writes a bundle. The same manifest and tensors give the same bytes. */
export async function writeBundle(
  manifest: Manifest,
  tensors: Map<string, BundleTensor>,
): Promise<Uint8Array> {
  const bytes = serialiseSafetensors({
    tensors,
    metadata: { [DIGEST_KEY]: NO_DIGEST, [MANIFEST_KEY]: JSON.stringify(manifestSchema.parse(manifest)) },
  });
  bytes.set(new TextEncoder().encode(await sha256(bytes)), digestPosition(bytes, NO_DIGEST));
  return bytes;
}

/**
 * Reads a bundle and checks all of it: format, digest, manifest. Whether the tensors fit the architecture
 * is checked where the network is built. Throws {@link BundleError}.
 */
export async function readBundle(bytes: Uint8Array): Promise<Bundle> {
  const { tensors, metadata } = parseSafetensors(bytes);
  const manifestText = metadata[MANIFEST_KEY];
  const digest = metadata[DIGEST_KEY];
  if (manifestText === undefined || digest === undefined) {
    const missing = manifestText === undefined ? MANIFEST_KEY : DIGEST_KEY;
    throw new BundleError(`Not a bundle: the safetensors metadata has no "${missing}".`);
  }
  if (!/^[0-9a-f]{64}$/.test(digest)) {
    throw new BundleError(`The metadata "${DIGEST_KEY}" is not 64 lower-case hexadecimal digits.`);
  }

  const unsigned = new Uint8Array(bytes);
  unsigned.fill('0'.charCodeAt(0), digestPosition(bytes, digest), digestPosition(bytes, digest) + 64);
  const found = await sha256(unsigned);
  if (found !== digest) {
    throw new BundleError(`The bundle was altered: its SHA-256 is ${found}, it says ${digest}.`);
  }

  let manifest: unknown;
  try {
    manifest = JSON.parse(manifestText);
  } catch {
    throw new BundleError('The manifest is not JSON.');
  }
  const checked = manifestSchema.safeParse(manifest);
  if (!checked.success) {
    const issue = checked.error.issues[0];
    throw new BundleError(`The manifest's ${issue.path.join('.') || 'content'}: ${issue.message}.`);
  }
  return { manifest: checked.data, tensors, sha256: digest };
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
