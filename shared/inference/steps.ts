import type { Activation, Sides } from '../models/layers.ts';
import type { MapShape } from '../models/structure.ts';

/** A map between two steps. Two are the same one when they are the same object. */
export interface Value {
  readonly shape: MapShape;
}

interface Produces {
  readonly output: Value;
}

/** A layer with products: a convolution, or a fully connected layer as one of a 1×1 map. */
export interface ConvolutionStep extends Produces {
  readonly kind: 'convolution' | 'depthwise convolution';
  /** Of its parameters; with the two that follow it says which there are. */
  readonly name: string;
  readonly normalisation: string | undefined;
  readonly hasBias: boolean;
  readonly input: Value;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: Sides;
  readonly activation: Activation | undefined;
  /** Added before the activation. */
  readonly addend: Value | undefined;
}

export interface NormalisationStep extends Produces {
  readonly kind: 'batch normalisation' | 'instance normalisation';
  readonly name: string;
  readonly input: Value;
  readonly activation: Activation | undefined;
}

export interface PoolStep extends Produces {
  readonly kind: 'max pooling' | 'average pooling';
  readonly input: Value;
  readonly size: number;
  readonly stride: number;
  readonly padding: Sides;
}

/** Over all pixels of each channel. */
export interface GlobalPoolStep extends Produces {
  readonly kind: 'global average pooling' | 'generalised mean pooling';
  readonly name: string;
  readonly input: Value;
}

export interface ActivationStep extends Produces {
  readonly kind: 'activation';
  readonly input: Value;
  readonly activation: Activation;
}

export interface SumStep extends Produces {
  readonly kind: 'sum';
  readonly input: Value;
  readonly addend: Value;
  readonly activation: Activation | undefined;
}

/** Two maps of one shape, number by number. */
export interface ProductStep extends Produces {
  readonly kind: 'product';
  readonly input: Value;
  readonly factor: Value;
}

/** Each channel times its factor, and the addend to it where there is one. */
export interface ScaleStep extends Produces {
  readonly kind: 'channel scale';
  readonly input: Value;
  readonly factors: Value;
  readonly addend: Value | undefined;
}

/** The channels of the input from `from` on, to those of the output from `to` on, as many as fit into both. */
export interface CopyStep extends Produces {
  readonly kind: 'channel copy';
  readonly input: Value;
  readonly from: number;
  readonly to: number;
}

/** What a network comes to for one picture, in order. */
export type Step =
  | ConvolutionStep
  | NormalisationStep
  | PoolStep
  | GlobalPoolStep
  | ActivationStep
  | SumStep
  | ProductStep
  | ScaleStep
  | CopyStep;

/** What a step reads. */
export function inputsOf(step: Step): Value[] {
  const inputs = [step.input];
  if ('addend' in step && step.addend !== undefined) inputs.push(step.addend);
  if (step.kind === 'product') inputs.push(step.factor);
  if (step.kind === 'channel scale') inputs.push(step.factors);
  return inputs;
}

/** What a step may write its output over, number by number, where nobody reads it afterwards. */
export function overwritable(step: Step): Value[] {
  switch (step.kind) {
    case 'convolution':
      return step.addend === undefined ? [] : [step.addend];
    case 'sum':
      return [step.addend, step.input];
    case 'product':
      return [step.factor, step.input];
    case 'channel scale':
      return step.addend === undefined ? [step.input] : [step.addend, step.input];
    case 'activation':
    case 'batch normalisation':
    case 'instance normalisation':
      return [step.input];
    default:
      return [];
  }
}
