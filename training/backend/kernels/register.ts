import type { NetworkKernels } from '@softmargin/shared/kernels/network-kernels.ts';
import {
  BATCH_NORMALISATION,
  BATCH_NORMALISATION_GRADIENT,
} from '@softmargin/shared/models/batch-normalisation.ts';
import * as tf from '@tensorflow/tfjs';
import { ADAM } from '../../optimisation/adam.ts';
import { PRELU_INPUT_GRADIENT, PRELU_SLOPE_GRADIENT, RELU_GRADIENT } from '../activation-gradients.ts';
import { preluInputGradient, preluSlopeGradient, reluGradient } from './activation-gradients.ts';
import { adam } from './adam.ts';
import { batchMatMul } from './batch-mat-mul.ts';
import { batchNormalisation, batchNormalisationGradient } from './batch-normalisation.ts';
import { conv2d } from './conv2d.ts';
import { conv2dBackpropFilter } from './conv2d-backprop-filter.ts';
import { conv2dBackpropInput } from './conv2d-backprop-input.ts';
import { depthwiseConv2dNativeBackpropFilter } from './depthwise-conv2d-native-backprop-filter.ts';
import { depthwiseConv2dNativeBackpropInput } from './depthwise-conv2d-native-backprop-input.ts';
import { identity } from './identity.ts';
import { maxPoolGrad } from './max-pool-grad.ts';
import { withLeadingAxesAsPooling } from './sum.ts';
import { unsortedSegmentSum } from './unsorted-segment-sum.ts';

/** Any kernel of this folder: each declares the inputs and attributes its op has, tfjs knows none. */
type TrainingKernel = (call: never) => tf.TensorInfo | tf.TensorInfo[];

/**
 * Registers what tfjs's WASM backend lacks for training, or has but gets wrong or does slowly. Once, after
 * the backend has started: what it sets up by then is what the replaced kernels need.
 *
 * @param kernels over the backend's memory.
 */
export function registerTrainingKernels(kernels: NetworkKernels): void {
  register(ADAM, adam(kernels));
  register(BATCH_NORMALISATION, batchNormalisation(kernels));
  register(BATCH_NORMALISATION_GRADIENT, batchNormalisationGradient(kernels));
  register('Conv2DBackpropFilter', conv2dBackpropFilter(kernels));
  register('DepthwiseConv2dNativeBackpropFilter', depthwiseConv2dNativeBackpropFilter(kernels));
  register('DepthwiseConv2dNativeBackpropInput', depthwiseConv2dNativeBackpropInput(kernels));
  register(PRELU_INPUT_GRADIENT, preluInputGradient(kernels));
  register(PRELU_SLOPE_GRADIENT, preluSlopeGradient(kernels));
  register(RELU_GRADIENT, reluGradient(kernels));
  register('UnsortedSegmentSum', unsortedSegmentSum);

  replace('BatchMatMul', (original) => batchMatMul(kernels, original as never));
  replace('Conv2D', (original) => conv2d(kernels, original as never));
  replace('Conv2DBackpropInput', () => conv2dBackpropInput(kernels));
  replace('Identity', () => identity);
  replace('MaxPoolGrad', () => maxPoolGrad(kernels));
  replace('Sum', (original) => withLeadingAxesAsPooling(original as never));
}

function register(kernelName: string, kernel: TrainingKernel): void {
  tf.registerKernel({ kernelName, backendName: 'wasm', kernelFunc: kernel as unknown as tf.KernelFunc });
}

function replace(kernelName: string, kernel: (original: tf.KernelFunc) => TrainingKernel): void {
  const original = tf.getKernel(kernelName, 'wasm');
  tf.unregisterKernel(kernelName, 'wasm');
  // The rest of the original stays: its setup binds the code in the WASM module.
  tf.registerKernel({ ...original, kernelFunc: kernel(original.kernelFunc) as unknown as tf.KernelFunc });
}
