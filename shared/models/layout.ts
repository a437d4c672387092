/**
 * Convolution weights change order between what is stored and what is computed: PyTorch stores
 * [out, in, height, width] (OIHW), tfjs multiplies [height, width, in, out] (HWIO).
 */

/** OIHW → HWIO. `shape` is the stored one: [out, in, height, width]. */
export function toComputeLayout(stored: Float32Array, shape: readonly number[]): Float32Array {
  const result = new Float32Array(stored.length);
  visit(shape, (oihw, hwio) => {
    result[hwio] = stored[oihw];
  });
  return result;
}

/** HWIO → OIHW. `shape` is the stored one: [out, in, height, width]. */
export function toStoredLayout(computed: Float32Array, shape: readonly number[]): Float32Array {
  const result = new Float32Array(computed.length);
  visit(shape, (oihw, hwio) => {
    result[oihw] = computed[hwio];
  });
  return result;
}

function visit(shape: readonly number[], pair: (oihw: number, hwio: number) => void): void {
  const [outputs, inputs, height, width] = shape;
  let oihw = 0;
  for (let o = 0; o < outputs; o++) {
    for (let i = 0; i < inputs; i++) {
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) pair(oihw++, ((y * width + x) * inputs + i) * outputs + o);
      }
    }
  }
}
