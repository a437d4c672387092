import { type Bundle, BundleError } from '@softmargin/shared/bundle/bundle.ts';
import type { Manifest } from '@softmargin/shared/bundle/manifest.ts';
import { heldBytes } from '@softmargin/shared/bundle/packed-tensor.ts';
import { networkBytes } from '@softmargin/shared/inference/network-bytes.ts';
import { architectureOf } from '@softmargin/shared/models/architecture-of.ts';
import { HEAP_BASE_BYTES, HEAP_GROWTH, HEAP_START_BYTES, MAX_HEAP_MODEL_BYTES } from '../limits.ts';

/** Memory of a model, as it is reckoned before anything is allocated. */
export interface ModelBytes {
  /** Weights as the kernels read them, in the heap of TensorFlow.js while the model is loaded. */
  readonly weights: number;
  /** Maps, in the heap while it runs. One model runs at a time. */
  readonly maps: number;
  /** The bundle's tensors, beside the heap: while it is loaded, and by layer as long as it serves. */
  readonly tensors: number;
}

export function modelBytes({ manifest, tensors }: Pick<Bundle, 'manifest' | 'tensors'>): ModelBytes {
  const serving = manifest.weights?.serving ?? 'resident';
  return {
    ...networkBytes(architectureOf(manifest), manifest.input, serving),
    tensors: [...tensors.values()].reduce((sum, tensor) => sum + heldBytes(tensor), 0),
  };
}

/** @throws {BundleError} where a model needs more memory than there is for models, or its network is none. */
export function checkServable(bundle: Pick<Bundle, 'manifest' | 'tensors'>): void {
  const { weights, maps } = modelBytes(bundle);
  if (weights + maps <= MAX_HEAP_MODEL_BYTES) return;
  throw new BundleError(
    `The model needs ${weights} bytes for its weights and ${maps} for its maps, of ${MAX_HEAP_MODEL_BYTES} that there are; export it with weights as f16 or int8, and served by layer.`,
  );
}

/** The heap of TensorFlow.js, at most, with so many bytes of weights and maps in it. */
export function heapBytes(held: number): number {
  return Math.max(HEAP_START_BYTES, HEAP_GROWTH * (HEAP_BASE_BYTES + held));
}

/** What a request holds of the picture that it embeds: preprocessed, and its mirror image. */
export function inputBytes({ input }: Manifest): number {
  return 2 * input.height * input.width * input.channels * Float32Array.BYTES_PER_ELEMENT;
}

/** Whether the weights of a model stay packed as its bundle has them, and are expanded as it runs. */
export function isByLayer({ weights }: Manifest): boolean {
  return weights?.serving === 'by-layer';
}
