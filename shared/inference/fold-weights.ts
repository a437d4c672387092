import { BundleError, type BundleTensor } from '../bundle/bundle.ts';
import { expandTensor } from '../bundle/packed-tensor.ts';
import { type Activation, NORMALISATION_EPSILON } from '../models/layers.ts';
import type { ConvolutionStep, Step } from './steps.ts';

type Tensors = ReadonlyMap<string, BundleTensor>;

/** Writes weights into all of `into`. */
export type FilterWriter = (into: Float32Array) => void;

/** The weights of a step as its kernel reads them; what it has none of is empty. */
export interface FoldedWeights {
  /** Writes the `weightCounts` of weights; beside them it needs no more than some rows. */
  readonly write: FilterWriter;
  readonly bias: Float32Array;
  readonly slopes: Float32Array;
}

/** Filters that the kernels multiply at a time. */
const PANEL = 8;

const EMPTY = new Float32Array(0);

/** How many numbers a step has of each. */
export function weightCounts(step: Step): { weights: number; bias: number; slopes: number } {
  const inputs = step.input.shape[2];
  const outputs = step.output.shape[2];
  switch (step.kind) {
    case 'convolution': {
      const padded = padToPanel(outputs);
      const slopes = step.activation?.kind === 'prelu' ? padded : 0;
      return { weights: padded * step.kernel ** 2 * inputs, bias: padded, slopes };
    }
    case 'depthwise convolution':
      return { weights: outputs * step.kernel ** 2, bias: outputs, slopes: 0 };
    case 'batch normalisation':
    case 'instance normalisation':
      return { weights: outputs, bias: outputs, slopes: step.activation?.kind === 'prelu' ? outputs : 0 };
    case 'activation':
      return { weights: 0, bias: 0, slopes: step.activation.kind === 'prelu' ? outputs : 0 };
    case 'generalised mean pooling':
      return { weights: 1, bias: 0, slopes: 0 };
    default:
      return { weights: 0, bias: 0, slopes: 0 };
  }
}

/**
 * Batch normalisation at rest is an affine map of each channel,
 * y = (x − mean) · weight / √(variance + ε) + bias, so it is folded into the layer before it.
 */
export function foldWeights(step: Step, tensors: Tensors): FoldedWeights {
  switch (step.kind) {
    case 'convolution':
    case 'depthwise convolution':
      return foldConvolution(step, tensors);
    case 'batch normalisation': {
      const { factor, shift } = affine(tensors, step.name);
      const slopes = slopesOf(step.activation, tensors);
      return { write: (into) => into.set(factor), bias: shift, slopes };
    }
    case 'instance normalisation': {
      const { data } = stored(tensors, `${step.name}.bias`);
      return {
        ...asStored(tensors, `${step.name}.weight`),
        bias: data,
        slopes: slopesOf(step.activation, tensors),
      };
    }
    case 'activation':
      return { write: () => {}, bias: EMPTY, slopes: slopesOf(step.activation, tensors) };
    case 'generalised mean pooling':
      return { ...asStored(tensors, `${step.name}.p`), bias: EMPTY, slopes: EMPTY };
    default:
      return { write: () => {}, bias: EMPTY, slopes: EMPTY };
  }
}

function foldConvolution(step: ConvolutionStep, tensors: Tensors): FoldedWeights {
  const { name, normalisation, hasBias, activation, kind } = step;
  const tensor = stored(tensors, `${name}.weight`);
  const filters = tensor.shape[0];
  const { factor, shift } =
    normalisation === undefined ? { factor: undefined, shift: undefined } : affine(tensors, normalisation);
  const own = hasBias ? stored(tensors, `${name}.bias`).data : undefined;
  const bias = Float32Array.from(
    { length: filters },
    (_, o) => (shift?.[o] ?? 0) + (own?.[o] ?? 0) * (factor?.[o] ?? 1),
  );
  if (kind === 'depthwise convolution') {
    return { write: (into) => interleaveFilters(tensor, factor, into), bias, slopes: EMPTY };
  }
  return {
    write: (into) => packFilters(tensor, factor, into),
    bias: withZeros(bias),
    slopes: withZeros(slopesOf(activation, tensors)),
  };
}

function asStored(tensors: Tensors, name: string): Pick<FoldedWeights, 'write'> {
  const tensor = stored(tensors, name);
  return { write: (into) => expandTensor(tensor, 0, into) };
}

function slopesOf(activation: Activation | undefined, tensors: Tensors): Float32Array {
  return activation?.kind === 'prelu' ? stored(tensors, `${activation.name}.weight`).data : EMPTY;
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
function packFilters(tensor: BundleTensor, factor: Float32Array | undefined, into: Float32Array): void {
  const [filters, inputs, height = 1, width = 1] = tensor.shape;
  const taps = height * width;
  const size = inputs * taps;
  const rows = new Float32Array(PANEL * size);
  for (let first = 0; first < filters; first += PANEL) {
    const count = Math.min(PANEL, filters - first);
    expandTensor(tensor, first * size, rows.subarray(0, count * size));
    rows.fill(0, count * size);
    const scales = Array.from({ length: PANEL }, (_, o) => factor?.[first + o] ?? 1);
    packPanel(rows, taps, scales, into.subarray(first * size, (first + PANEL) * size));
  }
}

/**
 * [8][in, taps] → [taps, in][8], each row times its scale. What is written lies in order, and the eight filters are
 * written out: by layer this runs for every weight and picture, and takes half of what a loop over filters does.
 */
function packPanel(
  rows: Float32Array,
  taps: number,
  [s0, s1, s2, s3, s4, s5, s6, s7]: readonly number[],
  panel: Float32Array,
): void {
  const size = rows.length / PANEL;
  let to = 0;
  for (let tap = 0; tap < taps; tap++) {
    for (let from = tap; from < size; from += taps) {
      panel[to] = rows[from] * s0;
      panel[to + 1] = rows[from + size] * s1;
      panel[to + 2] = rows[from + 2 * size] * s2;
      panel[to + 3] = rows[from + 3 * size] * s3;
      panel[to + 4] = rows[from + 4 * size] * s4;
      panel[to + 5] = rows[from + 5 * size] * s5;
      panel[to + 6] = rows[from + 6 * size] * s6;
      panel[to + 7] = rows[from + 7 * size] * s7;
      to += PANEL;
    }
  }
}

/** [channels, 1, height, width] → [height, width, channels] */
function interleaveFilters(tensor: BundleTensor, factor: Float32Array | undefined, into: Float32Array): void {
  const [channels] = tensor.shape;
  const taps = into.length / channels;
  const filter = new Float32Array(taps);
  for (let c = 0; c < channels; c++) {
    expandTensor(tensor, c * taps, filter);
    for (let tap = 0; tap < taps; tap++) into[tap * channels + c] = filter[tap] * (factor?.[c] ?? 1);
  }
}

function padToPanel(length: number): number {
  return Math.ceil(length / PANEL) * PANEL;
}

function withZeros(values: Float32Array): Float32Array {
  const padded = new Float32Array(padToPanel(values.length));
  padded.set(values);
  return padded;
}
