import type * as tf from '@tensorflow/tfjs';
import { floats, type KernelCall } from './kernel.ts';

/**
 * Sums the rows that share a segment: the gradient of gathering rows. Rows of no segment, with a negative
 * id or one past the last, are left out.
 *
 * x [rows, ...], segmentIds [rows] → [numSegments, ...]
 */
export function unsortedSegmentSum({
  inputs,
  backend,
  attrs,
}: KernelCall<tf.UnsortedSegmentSumInputs, tf.UnsortedSegmentSumAttrs>): tf.TensorInfo {
  const x = inputs.x as tf.TensorInfo;
  const segmentIds = inputs.segmentIds as tf.TensorInfo;
  const { numSegments } = attrs;
  const [rows, ...rowShape] = x.shape;
  const width = rowShape.reduce((product, length) => product * length, 1);

  const sums = backend.makeOutput([numSegments, ...rowShape], 'float32');
  const values = floats(x, backend);
  const segments = backend.typedArrayFromHeap(segmentIds);
  const totals = floats(sums, backend).fill(0);
  for (let row = 0; row < rows; row++) {
    const segment = segments[row];
    if (segment < 0 || segment >= numSegments) continue;
    for (let i = 0; i < width; i++) totals[segment * width + i] += values[row * width + i];
  }
  return sums;
}
