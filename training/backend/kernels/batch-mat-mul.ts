import type { NetworkKernels, Windows } from '@softmargin/shared/kernels/network-kernels.ts';
import * as tf from '@tensorflow/tfjs';
import { addressOf, type KernelCall, runKernel, type WasmBackend, withScratch } from './kernel.ts';

type MatrixProduct = KernelCall<tf.BatchMatMulInputs, tf.BatchMatMulAttrs>;

/**
 * Matrix products by the kernels of convolutions: a · b and a · bᵀ are convolutions of pictures of one pixel,
 * aᵀ · b is the gradient of such a filter. tfjs reaches XNNPACK with a · b only, which has no fused
 * multiply-add; asked to transpose, as both gradients of a product are, it falls back to plain loops, 10 and
 * 25 times slower for 512×512.
 *
 * Products whose batches have to be broadcast are left to tfjs.
 */
export function batchMatMul(kernels: NetworkKernels, original: (call: MatrixProduct) => tf.TensorInfo) {
  return (call: MatrixProduct): tf.TensorInfo => {
    const { backend, attrs } = call;
    const a = call.inputs.a as tf.TensorInfo;
    const b = call.inputs.b as tf.TensorInfo;
    const batch = a.shape.slice(0, -2);
    const isPlain = a.dtype === 'float32' && b.dtype === 'float32';
    if (!isPlain || batch.join() !== b.shape.slice(0, -2).join()) return original(call);
    if (attrs.transposeA && attrs.transposeB) return withBTransposed(call, batchMatMul(kernels, original));

    const [rows, inner] = matrixShape(a, attrs.transposeA);
    const [, columns] = matrixShape(b, attrs.transposeB);
    const output = backend.makeOutput([...batch, rows, columns], 'float32');
    const multiply = attrs.transposeA ? multiplyTransposed : multiplyPlain(attrs.transposeB);
    for (let i = 0; i < tf.util.sizeFromShape(batch); i++) {
      multiply(
        kernels,
        backend,
        addressOf(a, backend) + 4 * i * rows * inner,
        addressOf(b, backend) + 4 * i * inner * columns,
        addressOf(output, backend) + 4 * i * rows * columns,
        [rows, inner, columns],
      );
    }
    return output;
  };
}

type Sizes = readonly [rows: number, inner: number, columns: number];

type Multiply = (
  kernels: NetworkKernels,
  backend: WasmBackend,
  a: number,
  b: number,
  output: number,
  sizes: Sizes,
) => void;

/** a [rows, inner] times b [inner, columns], or b [columns, inner] transposed. */
function multiplyPlain(transposeB: boolean): Multiply {
  return (kernels, backend, a, b, output, [rows, inner, columns]) => {
    withScratch(
      backend,
      [kernels.packedBytes(inner, columns), kernels.scratchBytes(rows, 1, 1, inner, 1, 1)],
      ([packed, scratch]) => {
        const [rowBytes, columnBytes] = transposeB ? [4, 4 * inner] : [4 * columns, 4];
        kernels.packMatrix(b, inner, columns, rowBytes, columnBytes, packed);
        kernels.convolve(a, packed, columns, output, scratch, ...pixels(rows, inner));
      },
    );
  };
}

/** a [inner, rows] transposed times b [inner, columns]. */
const multiplyTransposed: Multiply = (kernels, backend, a, b, output, [rows, inner, columns]) => {
  withScratch(backend, [kernels.scratchBytes(inner, 1, 1, rows, 1, 1)], ([scratch]) => {
    kernels.filterGradient(a, b, columns, output, scratch, ...pixels(inner, rows));
  });
};

/** Pictures of one pixel, and a window of one. */
function pixels(count: number, channels: number): Windows {
  return [count, 1, 1, channels, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1];
}

function matrixShape({ shape }: tf.TensorInfo, isTransposed: boolean): [number, number] {
  const [first, last] = shape.slice(-2);
  return isTransposed ? [last, first] : [first, last];
}

function withBTransposed(
  { inputs, backend, attrs }: MatrixProduct,
  multiply: (call: MatrixProduct) => tf.TensorInfo,
): tf.TensorInfo {
  const x = inputs.b as tf.TensorInfo;
  const rank = x.shape.length;
  const perm = [...Array(rank - 2).keys(), rank - 1, rank - 2];
  const b = runKernel('Transpose', { x }, backend, { perm });
  const product = multiply({ inputs: { a: inputs.a, b }, backend, attrs: { ...attrs, transposeB: false } });
  backend.disposeData(b.dataId);
  return product;
}
