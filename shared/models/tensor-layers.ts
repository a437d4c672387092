import * as tf from '@tensorflow/tfjs-core';
import {
  type Activation,
  type ConvolutionLayer,
  type Layers,
  type LinearLayer,
  NORMALISATION_EPSILON,
  type NormalisationLayer,
  POOL_FLOOR,
  type PoolWindow,
} from './layers.ts';
import { poolPadding, tensorPadding } from './padding.ts';

/**
 * What training and serving do alike on tensors. They differ in where a parameter comes from and in what
 * becomes of batch normalisation.
 */
export abstract class TensorLayers implements Layers<tf.Tensor> {
  abstract convolution(input: tf.Tensor, layer: ConvolutionLayer): tf.Tensor;
  abstract linear(input: tf.Tensor, layer: LinearLayer): tf.Tensor;
  abstract batchNormalisation(input: tf.Tensor, layer: NormalisationLayer): tf.Tensor;
  /** A parameter as tfjs computes with it. */
  protected abstract parameter(name: string): tf.Tensor;

  instanceNormalisation(input: tf.Tensor, { name, activation }: NormalisationLayer): tf.Tensor {
    const centred = tf.sub(input, tf.mean(input, [1, 2], true));
    const variance = tf.mean(tf.square(centred), [1, 2], true);
    const factor = tf.mul(
      tf.rsqrt(tf.add(variance, NORMALISATION_EPSILON)),
      this.parameter(`${name}.weight`),
    );
    return this.activate(tf.add(tf.mul(centred, factor), this.parameter(`${name}.bias`)), activation);
  }

  activate(input: tf.Tensor, activation: Activation | undefined): tf.Tensor {
    switch (activation?.kind) {
      case undefined:
        return input;
      case 'relu':
        return tf.relu(input);
      case 'relu6':
        return tf.relu6(input);
      case 'sigmoid':
        return tf.sigmoid(input);
      case 'prelu':
        return tf.prelu(input, this.parameter(`${activation.name}.weight`));
    }
  }

  maxPool(input: tf.Tensor, size: number, window: PoolWindow = {}): tf.Tensor {
    const [, height, width] = input.shape as [number, number, number];
    const padding = tensorPadding(poolPadding(height, width, size, window));
    return tf.maxPool(input as tf.Tensor4D, size, window.stride ?? size, padding);
  }

  averagePool(input: tf.Tensor, size: number): tf.Tensor {
    return tf.avgPool(input as tf.Tensor4D, size, size, 'valid');
  }

  globalAveragePool(input: tf.Tensor): tf.Tensor {
    return tf.mean(input, [1, 2], true);
  }

  generalisedMeanPool(input: tf.Tensor, name: string): tf.Tensor {
    const exponent = this.parameter(`${name}.p`);
    // x^p as e^(p log x): its gradients are products, which every backend has.
    const powers = tf.exp(tf.mul(tf.log(tf.maximum(input, POOL_FLOOR)), exponent));
    return tf.exp(tf.div(tf.log(tf.mean(powers, [1, 2], true)), exponent));
  }

  add(a: tf.Tensor, b: tf.Tensor): tf.Tensor {
    return tf.add(a, b);
  }

  multiply(a: tf.Tensor, b: tf.Tensor): tf.Tensor {
    return tf.mul(a, b);
  }

  scaleChannels(input: tf.Tensor, factors: tf.Tensor): tf.Tensor {
    return tf.mul(input, factors);
  }

  splitChannels(input: tf.Tensor, channels: readonly number[]): tf.Tensor[] {
    return tf.split(input, [...channels], 3);
  }

  concatenateChannels(parts: readonly tf.Tensor[]): tf.Tensor {
    return tf.concat([...parts], 3);
  }

  part(compute: () => tf.Tensor): tf.Tensor {
    return tf.tidy(compute);
  }

  flatten(input: tf.Tensor): tf.Tensor {
    return tf.reshape(input, [input.shape[0], input.shape[3] as number]);
  }
}
