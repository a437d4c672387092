import { expandTensor } from '../bundle/packed-tensor.ts';
import type { BundleTensor } from '../bundle/safetensors.ts';

/** Outputs that are expanded together: their numbers are then neighbours in the order of computing. */
const OUTPUTS_AT_A_TIME = 16;

/**
 * Weights in the order in which tfjs multiplies them, each output's times its factor: OIHW → HWIO, [out, in] →
 * [in, out]. In one pass, so that beside the result there are only some rows, however the weights are stored.
 */
export function foldedFilter(tensor: BundleTensor, factor: Float32Array | undefined): Float32Array {
  const filter = new Float32Array(tensor.shape.reduce((product, length) => product * length, 1));
  const [outputs, inputs, height = 1, width = 1] = tensor.shape;
  const pixels = height * width;
  const size = inputs * pixels;
  const rows = new Float32Array(Math.min(OUTPUTS_AT_A_TIME, outputs) * size);
  for (let first = 0; first < outputs; first += OUTPUTS_AT_A_TIME) {
    const count = Math.min(OUTPUTS_AT_A_TIME, outputs - first);
    expandTensor(tensor, first * size, rows.subarray(0, count * size));
    if (factor !== undefined) {
      for (let o = 0; o < count; o++) {
        const scale = factor[first + o];
        for (let k = o * size; k < (o + 1) * size; k++) rows[k] *= scale;
      }
    }
    for (let input = 0; input < inputs; input++) {
      for (let pixel = 0; pixel < pixels; pixel++) {
        const from = input * pixels + pixel;
        const to = (pixel * inputs + input) * outputs + first;
        for (let o = 0; o < count; o++) filter[to + o] = rows[o * size + from];
      }
    }
  }
  return filter;
}
