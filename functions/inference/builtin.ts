import { readBundle } from '@softmargin/shared/bundle/bundle.ts';
import mnistWide from '../bundles/mnist-wide.safetensors';
import type { ModelDescription } from './model-catalogue.ts';

/** The model of requests that name none, where an owner has chosen none. */
export const DEFAULT_MODEL = 'mnist-wide';

/** The bundles that come with the Worker, by model name. */
export const builtInBundles: ReadonlyMap<string, ArrayBuffer> = new Map([[DEFAULT_MODEL, mnistWide]]);

/** What is known of a built-in model. */
export async function describeBuiltIn(name: string): Promise<ModelDescription> {
  const bytes = new Uint8Array(builtInBundles.get(name) as ArrayBuffer);
  const { manifest, sha256 } = await readBundle(bytes);
  return { name, version: 1, sha256, bytes: bytes.length, manifest, builtIn: true, createdAt: new Date(0) };
}
