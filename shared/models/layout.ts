import type { Parameter } from './parameters.ts';

/**
 * Weights change order between what is stored and what is computed: PyTorch stores convolutions as
 * [out, in, height, width] (OIHW) and fully connected layers as [out, in]; tfjs multiplies
 * [height, width, in, out] (HWIO) and [in, out].
 */

/** OIHW → HWIO. `shape` is the stored one: [out, in, height, width] or [out, in]. */
export function toComputeLayout(stored: Float32Array, shape: readonly number[]): Float32Array {
  const result = new Float32Array(stored.length);
  visit(shape, (oihw, hwio) => {
    result[hwio] = stored[oihw];
  });
  return result;
}

/** HWIO → OIHW. `shape` is the stored one: [out, in, height, width] or [out, in]. */
export function toStoredLayout(computed: Float32Array, shape: readonly number[]): Float32Array {
  const result = new Float32Array(computed.length);
  visit(shape, (oihw, hwio) => {
    result[oihw] = computed[hwio];
  });
  return result;
}

/** The shape in which tfjs takes a parameter, or `undefined` where that is the stored one, order and all. */
export function computeShape({ role, shape }: Parameter): number[] | undefined {
  const [outputs, inputs, height, width] = shape;
  switch (role) {
    case 'convolution-weight':
      return [height, width, inputs, outputs];
    case 'depthwise-weight':
      // [height, width, 1, out] and [height, width, out, 1] are the same numbers in the same order.
      return [height, width, outputs, inputs];
    case 'linear-weight':
      return [inputs, outputs];
    default:
      return undefined;
  }
}

function visit(shape: readonly number[], pair: (oihw: number, hwio: number) => void): void {
  const [outputs, inputs, height = 1, width = 1] = shape;
  let oihw = 0;
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) pair(oihw++, ((y * width + x) * inputs + i) * outputs + o);
      }
    }
  }
}
