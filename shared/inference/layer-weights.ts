import type { BundleTensor } from '../bundle/bundle.ts';
import { BundleError } from '../bundle/bundle.ts';
import { NORMALISATION_EPSILON } from '../models/layers.ts';
import type { InferenceEngine } from './inference-kernels.ts';
import type { ConvolutionStep, NormalisationStep, Step } from './steps.ts';

/** Addresses of what a step computes with; 0 where it has no such thing. */
export interface LayerAddresses {
  /** Of a convolution as {@link packFilters} packs it, of a normalisation the factors. */
  readonly weights: number;
  readonly bias: number;
  /** Of PReLU. */
  readonly slopes: number;
}

/**
 * Where the kernels find the weights of a step. It is asked right before the step runs, so that weights may be
 * in memory for good or be put there for the step alone.
 */
export interface LayerWeights {
  locate(step: Step): LayerAddresses;
  dispose(): void;
}

type Tensors = ReadonlyMap<string, BundleTensor>;

/** The weights of a step as its kernel reads them. */
export interface FoldedWeights {
  readonly weights: Float32Array;
  readonly bias: Float32Array;
  readonly slopes: Float32Array | undefined;
}

/** Filters that the kernels multiply at a time. */
const PANEL = 8;

const NOTHING: LayerAddresses = { weights: 0, bias: 0, slopes: 0 };

/** All weights of a network, in memory until they are disposed. */
export class ResidentWeights implements LayerWeights {
  readonly #engine: InferenceEngine;
  readonly #blocks: number[] = [];
  readonly #addresses = new Map<Step, LayerAddresses>();

  constructor(engine: InferenceEngine, steps: readonly Step[], tensors: Tensors) {
    this.#engine = engine;
    const byName = new Map<string, LayerAddresses>();
    for (const step of steps) {
      const folded = foldWeights(step, tensors);
      if (folded === undefined) continue;
      const key = 'name' in step ? step.name : '';
      // A layer that branches share is there once.
      const addresses = (key && byName.get(key)) || {
        weights: this.#keep(folded.weights),
        bias: this.#keep(folded.bias),
        slopes: folded.slopes ? this.#keep(folded.slopes) : 0,
      };
      if (key) byName.set(key, addresses);
      this.#addresses.set(step, addresses);
    }
  }

  locate(step: Step): LayerAddresses {
    return this.#addresses.get(step) ?? NOTHING;
  }

  dispose(): void {
    for (const address of this.#blocks.splice(0)) this.#engine.free(address);
    this.#addresses.clear();
  }

  #keep(values: Float32Array): number {
    if (values.length === 0) return 0;
    const address = this.#engine.allocate(values.byteLength);
    new Float32Array(this.#engine.memory.buffer, address, values.length).set(values);
    this.#blocks.push(address);
    return address;
  }
}

/**
 * Batch normalisation at rest is an affine map of each channel,
 * y = (x − mean) · weight / √(variance + ε) + bias, so it is folded into the layer before it.
 */
export function foldWeights(step: Step, tensors: Tensors): FoldedWeights | undefined {
  switch (step.kind) {
    case 'convolution':
    case 'depthwise convolution':
      return foldConvolution(step, tensors);
    case 'batch normalisation':
    case 'instance normalisation':
      return foldNormalisation(step, tensors);
    case 'activation':
      if (step.activation.kind !== 'prelu') return undefined;
      return {
        weights: new Float32Array(0),
        bias: new Float32Array(0),
        slopes: stored(tensors, `${step.activation.name}.weight`).data,
      };
    case 'generalised mean pooling':
      return {
        weights: stored(tensors, `${step.name}.p`).data,
        bias: new Float32Array(0),
        slopes: undefined,
      };
    default:
      return undefined;
  }
}

function foldConvolution(step: ConvolutionStep, tensors: Tensors): FoldedWeights {
  const { name, normalisation, hasBias, activation, kind } = step;
  const { shape, data } = stored(tensors, `${name}.weight`);
  const filters = shape[0];
  const size = data.length / filters;
  const bias = new Float32Array(filters);
  if (hasBias) bias.set(stored(tensors, `${name}.bias`).data);
  const factors = new Float32Array(filters).fill(1);
  if (normalisation !== undefined) {
    const { factor, shift } = affine(tensors, normalisation);
    factors.set(factor);
    for (let o = 0; o < filters; o++) bias[o] = shift[o] + bias[o] * factor[o];
  }
  const scaled = Float32Array.from(data, (weight, i) => weight * factors[Math.floor(i / size)]);
  const slopes = activation?.kind === 'prelu' ? stored(tensors, `${activation.name}.weight`).data : undefined;
  if (kind === 'depthwise convolution') return { weights: transpose(scaled, filters), bias, slopes };
  return {
    weights: packFilters(scaled, shape),
    bias: padToPanel(bias),
    slopes: slopes && padToPanel(slopes),
  };
}

function foldNormalisation(step: NormalisationStep, tensors: Tensors): FoldedWeights {
  const { name, activation, kind } = step;
  const slopes = activation?.kind === 'prelu' ? stored(tensors, `${activation.name}.weight`).data : undefined;
  if (kind === 'batch normalisation') {
    const { factor, shift } = affine(tensors, name);
    return { weights: factor, bias: shift, slopes };
  }
  return {
    weights: stored(tensors, `${name}.weight`).data,
    bias: stored(tensors, `${name}.bias`).data,
    slopes,
  };
}

/** Batch normalisation at rest: x · factor + shift. */
export function affine(tensors: Tensors, name: string): { factor: Float32Array; shift: Float32Array } {
  const [weight, bias, mean, variance] = ['weight', 'bias', 'running_mean', 'running_var'].map(
    (part) => stored(tensors, `${name}.${part}`).data,
  );
  const factor = weight.map((value, c) => value / Math.sqrt(variance[c] + NORMALISATION_EPSILON));
  return { factor, shift: bias.map((value, c) => value - mean[c] * factor[c]) };
}

export function stored(tensors: Tensors, name: string): BundleTensor {
  const tensor = tensors.get(name);
  if (tensor === undefined) throw new BundleError(`The tensor "${name}" is missing.`);
  return tensor;
}

/** [out, in, height, width] → [panels of 8 filters][height, width, in][8], with zeros at the end. */
export function packFilters(weights: Float32Array, shape: readonly number[]): Float32Array {
  const [filters, inputs, height = 1, width = 1] = shape;
  const taps = height * width;
  const packed = new Float32Array(Math.ceil(filters / PANEL) * PANEL * taps * inputs);
  let from = 0;
  for (let o = 0; o < filters; o++) {
    const panel = Math.floor(o / PANEL) * PANEL * taps * inputs + (o % PANEL);
    for (let i = 0; i < inputs; i++) {
      for (let tap = 0; tap < taps; tap++) packed[panel + (tap * inputs + i) * PANEL] = weights[from++];
    }
  }
  return packed;
}

/** [channels, taps] → [taps, channels] */
function transpose(weights: Float32Array, channels: number): Float32Array {
  const taps = weights.length / channels;
  return Float32Array.from(weights, (_, i) => weights[(i % channels) * taps + Math.floor(i / channels)]);
}

function padToPanel(values: Float32Array): Float32Array {
  const padded = new Float32Array(Math.ceil(values.length / PANEL) * PANEL);
  padded.set(values);
  return padded;
}
