import type { NetworkKernels } from '@softmargin/shared/kernels/network-kernels.ts';
import type * as tf from '@tensorflow/tfjs';
import { addressOf, type KernelCall } from './kernel.ts';

type Named<Name extends string> = Record<Name, tf.TensorInfo>;

/** Batch normalisation by the batch's statistics; see `shared/models/batch-normalisation.ts`. */
export function batchNormalisation(kernels: NetworkKernels) {
  return ({
    inputs: { x, weight, bias },
    backend,
    attrs,
  }: KernelCall<Named<'x' | 'weight' | 'bias'>, { readonly epsilon: number }>): tf.TensorInfo[] => {
    const [rows, channels] = x.shape;
    const output = backend.makeOutput(x.shape, 'float32');
    const statistics = Array.from({ length: 3 }, () => backend.makeOutput([channels], 'float32'));
    const [mean, variance, inverse] = statistics.map((tensor) => addressOf(tensor, backend));
    kernels.normalise(
      ...([addressOf(x, backend), rows, channels] as const),
      ...([addressOf(weight, backend), addressOf(bias, backend), attrs.epsilon] as const),
      ...([addressOf(output, backend), mean, variance, inverse] as const),
    );
    return [output, ...statistics];
  };
}

/** The gradients of the input, the weight and the bias. */
export function batchNormalisationGradient(kernels: NetworkKernels) {
  return ({
    inputs: { x, gradient, weight, mean, inverse },
    backend,
  }: KernelCall<Named<'x' | 'gradient' | 'weight' | 'mean' | 'inverse'>, unknown>): tf.TensorInfo[] => {
    const [rows, channels] = x.shape;
    const at = (tensor: tf.TensorInfo) => addressOf(tensor, backend);
    const outputs = [x.shape, [channels], [channels]].map((shape) => backend.makeOutput(shape, 'float32'));
    const [inputGradient, weightGradient, biasGradient] = outputs.map(at);
    kernels.normaliseGradient(
      ...([at(x), at(gradient), rows, channels, at(weight), at(mean), at(inverse)] as const),
      ...([inputGradient, weightGradient, biasGradient] as const),
    );
    return outputs;
  };
}
