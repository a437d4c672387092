import { readBundle } from '@softmargin/shared/bundle/bundle.ts';
import mnistWide from '../bundles/mnist-wide.safetensors';
import type { BuiltInName } from './built-in-names.ts';
import type { ModelDescription } from './model-catalogue.ts';

/** The bundles that come with the Worker. */
export const builtInBundles: Readonly<Record<BuiltInName, ArrayBuffer>> = { 'mnist-wide': mnistWide };

/**
 * What comes with the Worker does not change, and every request without a model asks. Kept once it is known: no
 * request may wait for a digest that another one began.
 */
const descriptions = new Map<BuiltInName, ModelDescription>();

/** What is known of a built-in model. */
export async function describeBuiltIn(name: BuiltInName): Promise<ModelDescription> {
  const description = descriptions.get(name) ?? (await describe(name));
  descriptions.set(name, description);
  return description;
}

async function describe(name: BuiltInName): Promise<ModelDescription> {
  const bytes = new Uint8Array(builtInBundles[name]);
  const { manifest, sha256 } = await readBundle(bytes);
  return { name, version: 1, sha256, bytes: bytes.length, manifest, builtIn: true, createdAt: new Date(0) };
}
