import type { Activation, Architecture, InputSize } from '../models/layers.ts';
import { NORMALISATION_EPSILON, POOL_FLOOR } from '../models/layers.ts';
import { fuseSteps } from './fuse-steps.ts';
import type { InferenceEngine } from './inference-kernels.ts';
import type { LayerAddresses, LayerWeights } from './layer-weights.ts';
import { type MemoryPlan, planMemory } from './plan-memory.ts';
import { type RecordedNetwork, recordSteps } from './record-steps.ts';
import type { ConvolutionStep, Step, Value } from './steps.ts';

/** Told of each step before it runs, and with `undefined` after the last. */
export type StepObserver = (step: Step | undefined) => void;

/**
 * A network at rest as a list of kernel calls over memory that is planned once. Pictures go through one after
 * the other: their maps stay in the processor's caches, and a batch needs no more memory than one picture.
 */
export class CompiledNetwork {
  readonly steps: readonly Step[];
  readonly #engine: InferenceEngine;
  readonly #network: RecordedNetwork;
  readonly #plan: MemoryPlan;
  readonly #weights: LayerWeights;
  readonly #scratchBytes: number;

  /** @param makeWeights is given the steps, and finds the weights of each when it runs. */
  constructor(
    engine: InferenceEngine,
    architecture: Architecture,
    size: InputSize,
    makeWeights: (steps: readonly Step[]) => LayerWeights,
  ) {
    this.#engine = engine;
    this.#network = fuseSteps(recordSteps(architecture, size));
    this.steps = this.#network.steps;
    this.#plan = planMemory(this.#network);
    const scratch = this.steps.map((step) =>
      step.kind === 'convolution'
        ? engine.kernels.convolutionScratchBytes(step.kernel ** 2 * step.input.shape[2])
        : 0,
    );
    this.#scratchBytes = Math.max(0, ...scratch);
    this.#weights = makeWeights(this.steps);
  }

  /** Bytes that a run holds beside the weights, however many pictures it embeds. */
  get runBytes(): number {
    return this.#plan.bytes + this.#scratchBytes;
  }

  /** @param images `count` pictures, one after the other. @returns a row of features for each. */
  run(images: Float32Array, count: number, observe?: StepObserver): Float32Array {
    const { input, output } = this.#network;
    const size = images.length / count;
    const dimension = output.shape[2];
    const features = new Float32Array(count * dimension);
    const arena = this.#engine.allocate(this.runBytes);
    try {
      for (let i = 0; i < count; i++) {
        this.#view(arena, input, size).set(images.subarray(i * size, (i + 1) * size));
        for (const step of this.steps) {
          observe?.(step);
          this.#take(step, arena);
        }
        observe?.(undefined);
        features.set(this.#view(arena, output, dimension), i * dimension);
      }
    } finally {
      this.#engine.free(arena);
    }
    return features;
  }

  /** Frees the weights. The network cannot be run afterwards. */
  dispose(): void {
    this.#weights.dispose();
  }

  #view(arena: number, value: Value, length: number): Float32Array {
    return new Float32Array(this.#engine.memory.buffer, this.#address(arena, value), length);
  }

  #address(arena: number, value: Value): number {
    return arena + (this.#plan.offsets.get(value) as number);
  }

  #take(step: Step, arena: number): void {
    const { kernels } = this.#engine;
    const [height, width, channels] = step.input.shape;
    const [outHeight, outWidth] = step.output.shape;
    const rows = height * width;
    const source = this.#address(arena, step.input);
    const target = this.#address(arena, step.output);
    switch (step.kind) {
      case 'convolution':
      case 'depthwise convolution':
        this.#convolve(step, arena);
        break;
      case 'batch normalisation': {
        const { weights, bias, slopes } = this.#weights.locate(step);
        const [low, high] = boundsOf(step.activation);
        kernels.scaleChannels(source, weights, bias, slopes, low, high, rows, channels, target);
        this.#finish(step.activation, step.output, arena);
        break;
      }
      case 'instance normalisation': {
        const { weights, bias, slopes } = this.#weights.locate(step);
        const [low, high] = boundsOf(step.activation);
        kernels.instanceNormalise(
          ...[source, rows, channels, weights, bias, NORMALISATION_EPSILON, low, high, target],
        );
        if (slopes !== 0) {
          kernels.scaleChannels(target, 0, 0, slopes, low, high, rows, channels, target);
        }
        this.#finish(step.activation, step.output, arena);
        break;
      }
      case 'max pooling': {
        const { size, stride, padding } = step;
        kernels.maxPool(
          ...([source, height, width, channels, size, stride] as const),
          ...([padding.top, padding.left, outHeight, outWidth, target] as const),
        );
        break;
      }
      case 'average pooling':
        kernels.averagePool(source, height, width, channels, step.size, outHeight, outWidth, target);
        break;
      case 'global average pooling':
        kernels.meanRows(source, rows, channels, target);
        break;
      case 'generalised mean pooling':
        this.#poolGeneralisedMean(this.#weights.locate(step), step.input, step.output, arena);
        break;
      case 'activation': {
        const { slopes } = this.#weights.locate(step);
        const [low, high] = boundsOf(step.activation);
        kernels.scaleChannels(source, 0, 0, slopes, low, high, rows, channels, target);
        this.#finish(step.activation, step.output, arena);
        break;
      }
      case 'sum': {
        const [low, high] = boundsOf(step.activation);
        const addend = this.#address(arena, step.addend);
        kernels.addMaps(addend, source, low, high, rows * channels, target);
        break;
      }
      case 'product':
        kernels.multiplyMaps(source, this.#address(arena, step.factor), rows * channels, target);
        break;
      case 'channel scale': {
        const factors = this.#address(arena, step.factors);
        if (step.addend === undefined) {
          kernels.scaleChannels(
            ...([source, factors, 0, 0, -Infinity, Infinity, rows, channels, target] as const),
          );
        } else {
          const addend = this.#address(arena, step.addend);
          kernels.addScaled(source, factors, addend, rows, channels, target);
        }
        break;
      }
      case 'channel copy': {
        const outChannels = step.output.shape[2];
        kernels.copyChannels(
          source + 4 * step.from,
          4 * channels,
          rows,
          Math.min(channels - step.from, outChannels - step.to),
          target + 4 * step.to,
          4 * outChannels,
        );
        break;
      }
    }
  }

  #convolve(step: ConvolutionStep, arena: number): void {
    const { input, output, kernel, stride, padding, activation } = step;
    const { kernels } = this.#engine;
    const { weights, bias, slopes } = this.#weights.locate(step);
    const [height, width, channels] = input.shape;
    const [outHeight, outWidth, filters] = output.shape;
    const [low, high] = boundsOf(activation);
    const source = this.#address(arena, input);
    const target = this.#address(arena, output);
    const { top, left } = padding;
    const pixelBytes = 4 * channels;
    if (step.kind === 'depthwise convolution' && isBySliding(step)) {
      kernels.depthwise3x3(
        ...[source, pixelBytes, height, width, channels, weights, bias, low, high],
        ...[stride, top, left, outHeight, outWidth, target],
      );
    } else if (step.kind === 'depthwise convolution') {
      kernels.depthwise(
        ...([source, height, width, channels, weights, bias, low, high, kernel, stride] as const),
        ...([top, left, outHeight, outWidth, target] as const),
      );
    } else {
      const addend = step.addend === undefined ? 0 : this.#address(arena, step.addend);
      const scratch = arena + this.#plan.bytes;
      kernels.convolve(
        ...([source, pixelBytes, height, width, channels] as const),
        ...([weights, bias, slopes, addend, low, high] as const),
        ...([filters, kernel, stride, top, left, outHeight, outWidth, target, scratch] as const),
      );
    }
    this.#finish(activation, output, arena);
  }

  /** What is left of an activation that is not within the kernels: few numbers ever go through it. */
  #finish(activation: Activation | undefined, output: Value, arena: number): void {
    if (activation?.kind !== 'sigmoid') return;
    const [height, width, channels] = output.shape;
    const values = this.#view(arena, output, height * width * channels);
    for (let i = 0; i < values.length; i++) values[i] = 1 / (1 + Math.exp(-values[i]));
  }

  #poolGeneralisedMean({ weights }: LayerAddresses, input: Value, output: Value, arena: number): void {
    const [height, width, channels] = input.shape;
    const [exponent] = new Float32Array(this.#engine.memory.buffer, weights, 1);
    const values = this.#view(arena, input, height * width * channels);
    const means = this.#view(arena, output, channels);
    for (let c = 0; c < channels; c++) {
      let sum = 0;
      for (let i = c; i < values.length; i += channels) sum += Math.max(values[i], POOL_FLOOR) ** exponent;
      means[c] = (sum / (height * width)) ** (1 / exponent);
    }
  }
}

/** Whether a depthwise convolution is one that `depthwise3x3` computes. */
function isBySliding({ kernel, stride, padding: { top, right, bottom, left } }: ConvolutionStep): boolean {
  if (kernel !== 3 || Math.max(top, right, bottom, left) > 1) return false;
  return stride > 1 || (left === 1 && right === 1);
}

/** The lowest and the highest number that an activation gives. */
function boundsOf(activation: Activation | undefined): [low: number, high: number] {
  if (activation?.kind === 'relu') return [0, Infinity];
  if (activation?.kind === 'relu6') return [0, 6];
  return [-Infinity, Infinity];
}
