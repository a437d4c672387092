import * as tf from '@tensorflow/tfjs';
import { type KernelCall, runKernel, withShape } from './kernel.ts';

/** XNNPACK keeps a row of running sums on the stack, which is small; a wide enough row runs over its end. */
const MAXIMUM_POOLED_COLUMNS = 2048;

type Reduction = KernelCall<tf.SumInputs, tf.SumAttrs>;

/**
 * Wraps a sum so that one over the leading axes, [rows..., C] → [C], is taken as a global average times the
 * number of rows. That reads the map once and in order; the kernel it wraps transposes it first, which takes
 * 10 to 20 times as long. The gradients of biases, of PReLU's slopes and of batch normalisation are such sums.
 */
export function withLeadingAxesAsPooling(sum: (call: Reduction) => tf.TensorInfo) {
  return (call: Reduction): tf.TensorInfo => {
    const { backend, attrs } = call;
    const x = call.inputs.x as tf.TensorInfo;
    const axes = tf.util.parseAxisParam(attrs.axis, x.shape).sort((a, b) => a - b);
    const leading = axes.length > 0 && axes.length < x.shape.length && axes.every((axis, i) => axis === i);
    const rows = tf.util.sizeFromShape(x.shape.slice(0, axes.length));
    const columns = tf.util.sizeFromShape(x.shape.slice(axes.length));
    const poolable = columns > 0 && columns <= MAXIMUM_POOLED_COLUMNS && rows > 1;
    if (x.dtype !== 'float32' || !leading || !poolable) return sum(call);

    const average = runKernel('AvgPool', { x: withShape(x, [1, rows, 1, columns]) }, backend, {
      filterSize: [rows, 1],
      strides: 1,
      pad: 'valid',
    });
    const count = backend.makeOutput([], 'float32');
    backend.typedArrayFromHeap(count)[0] = rows;
    const total = runKernel('Multiply', { a: average, b: count }, backend, {});
    backend.disposeData(average.dataId);
    backend.disposeData(count.dataId);
    const kept = attrs.keepDims ? axes.map(() => 1) : [];
    return withShape(total, [...kept, ...x.shape.slice(axes.length)]);
  };
}
