import type * as tf from '@tensorflow/tfjs';
import type { KernelCall } from './kernel.ts';

/**
 * Another reference to the same data, as the other backends of tfjs make one. The kernel it replaces copies,
 * and whatever an op saves for its gradient goes through here: every map would be copied on each step.
 */
export function identity({ inputs, backend }: KernelCall<tf.IdentityInputs, unknown>): tf.TensorInfo {
  const { dataId, shape, dtype } = inputs.x as tf.TensorInfo;
  backend.incRef(dataId);
  return { dataId, shape, dtype };
}
