import { type Bundle, BundleError } from '@softmargin/shared/bundle/bundle.ts';
import type { Manifest } from '@softmargin/shared/bundle/manifest.ts';
import { heldBytes } from '@softmargin/shared/bundle/packed-tensor.ts';
import { type NetworkBytes, networkBytes } from '@softmargin/shared/inference/network-bytes.ts';
import { architectureOf } from '@softmargin/shared/models/architecture-of.ts';
import { BY_LAYER_PICTURES_PER_PASS, MAX_LOADED_MODEL_BYTES, PICTURES_PER_PASS } from '../limits.ts';

type Weights = Pick<Bundle, 'manifest' | 'tensors'>;

/**
 * Memory of a model that is loaded, without what passes through it: the weights as the kernels read them, and by
 * layer also the bundle's tensors, which are expanded again in every run.
 */
export function servingBytes({ manifest, tensors }: Weights): number {
  return engineBytes(manifest).weights + (isByLayer(manifest) ? tensorBytes(tensors) : 0);
}

/** The same while it is loaded: the bundle's tensors are there in any case. */
export function loadingBytes({ manifest, tensors }: Weights): number {
  return engineBytes(manifest).weights + tensorBytes(tensors);
}

/** @throws {BundleError} where a model needs more memory than there is, or its network is none. */
export function checkServable(bundle: Bundle): void {
  const { maps } = engineBytes(bundle.manifest);
  const bytes = Math.max(loadingBytes(bundle), servingBytes(bundle) + maps);
  if (bytes <= MAX_LOADED_MODEL_BYTES) return;
  throw new BundleError(
    `The model needs ${bytes} bytes of memory, of which there are ${MAX_LOADED_MODEL_BYTES}; export it with weights as f16 or int8, and served by layer.`,
  );
}

/** Pictures that go through a network together. */
export function picturesPerPass(manifest: Manifest): number {
  return isByLayer(manifest) ? BY_LAYER_PICTURES_PER_PASS : PICTURES_PER_PASS;
}

function engineBytes(manifest: Manifest): NetworkBytes {
  return networkBytes(architectureOf(manifest), manifest.input, manifest.weights?.serving ?? 'resident');
}

function tensorBytes(tensors: Bundle['tensors']): number {
  return [...tensors.values()].reduce((sum, tensor) => sum + heldBytes(tensor), 0);
}

function isByLayer({ weights }: Manifest): boolean {
  return weights?.serving === 'by-layer';
}
