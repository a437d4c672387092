import { type Bundle, BundleError } from '@softmargin/shared/bundle/bundle.ts';
import type { Manifest } from '@softmargin/shared/bundle/manifest.ts';
import { heldBytes } from '@softmargin/shared/bundle/packed-tensor.ts';
import { BY_LAYER_PICTURES_PER_PASS, MAX_LOADED_MODEL_BYTES, PICTURES_PER_PASS } from '../limits.ts';

/**
 * Memory of a model that is loaded, without what passes through it. TensorFlow.js has weights twice: as a tensor,
 * and in the order of its products.
 */
export function servingBytes({ manifest, tensors }: Pick<Bundle, 'manifest' | 'tensors'>): number {
  let held = 0;
  let expanded = 0;
  let largest = 0;
  for (const tensor of tensors.values()) {
    held += heldBytes(tensor);
    const floats = 4 * tensor.shape.reduce((product, length) => product * length, 1);
    expanded += floats;
    largest = Math.max(largest, floats);
  }
  // By layer, also as it is expanded.
  return held + (isByLayer(manifest) ? 3 * largest : 2 * expanded);
}

/** @throws {BundleError} where a model needs more memory than there is. */
export function checkServable(bundle: Bundle): void {
  const bytes = servingBytes(bundle);
  if (bytes <= MAX_LOADED_MODEL_BYTES) return;
  throw new BundleError(
    `The model needs ${bytes} bytes of memory, of which there are ${MAX_LOADED_MODEL_BYTES}; export it with weights as f16 or int8, and served by layer.`,
  );
}

/** Pictures that go through a network together. */
export function picturesPerPass(manifest: Manifest): number {
  return isByLayer(manifest) ? BY_LAYER_PICTURES_PER_PASS : PICTURES_PER_PASS;
}

function isByLayer({ weights }: Manifest): boolean {
  return weights?.serving === 'by-layer';
}
