import type { NetworkKernels } from '@softmargin/shared/kernels/network-kernels.ts';
import * as tf from '@tensorflow/tfjs';
import { addressOf, type KernelCall } from './kernel.ts';

type Named<Name extends string> = Record<Name, tf.TensorInfo>;

/** The gradient of ReLU. x and dy of one shape → the same. */
export function reluGradient(kernels: NetworkKernels) {
  return ({ inputs: { x, dy }, backend }: KernelCall<Named<'x' | 'dy'>, unknown>): tf.TensorInfo => {
    const dx = backend.makeOutput(x.shape, 'float32');
    kernels.reluGradient(
      addressOf(x, backend),
      addressOf(dy, backend),
      tf.util.sizeFromShape(x.shape),
      addressOf(dx, backend),
    );
    return dx;
  };
}

/** The gradient of PReLU's input. x and dy [..., C], alpha [C] → [..., C] */
export function preluInputGradient(kernels: NetworkKernels) {
  return ({
    inputs: { x, alpha, dy },
    backend,
  }: KernelCall<Named<'x' | 'alpha' | 'dy'>, unknown>): tf.TensorInfo => {
    const [channels] = alpha.shape;
    const dx = backend.makeOutput(x.shape, 'float32');
    kernels.preluInputGradient(
      ...([addressOf(x, backend), addressOf(alpha, backend), addressOf(dy, backend)] as const),
      ...([tf.util.sizeFromShape(x.shape) / channels, channels, addressOf(dx, backend)] as const),
    );
    return dx;
  };
}

/** The gradient of PReLU's slopes. x and dy [..., C], alpha [C] → [C] */
export function preluSlopeGradient(kernels: NetworkKernels) {
  return ({
    inputs: { x, alpha, dy },
    backend,
  }: KernelCall<Named<'x' | 'alpha' | 'dy'>, unknown>): tf.TensorInfo => {
    const [channels] = alpha.shape;
    const gradient = backend.makeOutput([channels], 'float32');
    kernels.preluSlopeGradient(
      ...([addressOf(x, backend), addressOf(dy, backend)] as const),
      ...([tf.util.sizeFromShape(x.shape) / channels, channels, addressOf(gradient, backend)] as const),
    );
    return gradient;
  };
}
