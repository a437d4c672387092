import type { BundleTensor } from '../bundle/bundle.ts';
import { type FilterWriter, foldWeights, weightCounts } from './fold-weights.ts';
import type { InferenceEngine } from './inference-kernels.ts';
import type { Step } from './steps.ts';

/** Addresses of what a step computes with; 0 where it has no such thing. */
export interface LayerAddresses {
  /** Of a convolution as `foldWeights` packs it, of a normalisation the factors. */
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

/**
 * How the filters of products are held: in memory until they are disposed, or written in their turn into one
 * stretch that is as large as the largest. All else is in memory either way.
 */
export type FilterServing = 'resident' | 'by-layer';

const NOTHING: LayerAddresses = { weights: 0, bias: 0, slopes: 0 };

/** Bytes that {@link EngineWeights} allocates for a network. */
export function weightBytes(steps: readonly Step[], serving: FilterServing): number {
  let numbers = serving === 'by-layer' ? largestFilter(steps) : 0;
  for (const step of unique(steps).values()) {
    const { weights, bias, slopes } = weightCounts(step);
    numbers += bias + slopes + (serving === 'by-layer' && isProduct(step) ? 0 : weights);
  }
  return numbers * Float32Array.BYTES_PER_ELEMENT;
}

/** What is known of a layer: where its weights are, and by layer how they get there. */
interface Layer extends LayerAddresses {
  readonly write: FilterWriter | undefined;
}

/** The weights of a network in an engine's memory. By layer, the tensors are read again in every run. */
export class EngineWeights implements LayerWeights {
  readonly #engine: InferenceEngine;
  readonly #blocks: number[] = [];
  /** By what names the weights of a step: a layer that branches share is there once. */
  readonly #layers = new Map<string | Step, Layer>();
  /** The stretch for the filter of one layer. */
  readonly #turn: number;

  constructor(
    engine: InferenceEngine,
    steps: readonly Step[],
    tensors: ReadonlyMap<string, BundleTensor>,
    serving: FilterServing = 'resident',
  ) {
    this.#engine = engine;
    try {
      this.#turn = serving === 'by-layer' ? this.#allocate(largestFilter(steps)) : 0;
      for (const [key, step] of unique(steps)) {
        const { write, bias, slopes } = foldWeights(step, tensors);
        const isInTurn = serving === 'by-layer' && isProduct(step);
        this.#layers.set(key, {
          write: isInTurn ? write : undefined,
          weights: isInTurn ? this.#turn : this.#keep(weightCounts(step).weights, write),
          bias: this.#keep(bias.length, (into) => into.set(bias)),
          slopes: this.#keep(slopes.length, (into) => into.set(slopes)),
        });
      }
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  locate(step: Step): LayerAddresses {
    const layer = this.#layers.get(keyOf(step));
    layer?.write?.(this.#view(this.#turn, weightCounts(step).weights));
    return layer ?? NOTHING;
  }

  dispose(): void {
    for (const address of this.#blocks.splice(0)) this.#engine.free(address);
    this.#layers.clear();
  }

  #keep(numbers: number, write: FilterWriter): number {
    if (numbers === 0) return 0;
    const address = this.#allocate(numbers);
    write(this.#view(address, numbers));
    return address;
  }

  #allocate(numbers: number): number {
    if (numbers === 0) return 0;
    const address = this.#engine.allocate(numbers * Float32Array.BYTES_PER_ELEMENT);
    this.#blocks.push(address);
    return address;
  }

  #view(address: number, numbers: number): Float32Array {
    return new Float32Array(this.#engine.memory.buffer, address, numbers);
  }
}

function keyOf(step: Step): string | Step {
  return 'name' in step && step.name !== '' ? step.name : step;
}

/** Steps with weights, of those that share them the first. */
function unique(steps: readonly Step[]): Map<string | Step, Step> {
  const first = new Map<string | Step, Step>();
  for (const step of steps) {
    const { weights, slopes } = weightCounts(step);
    if (weights + slopes > 0 && !first.has(keyOf(step))) first.set(keyOf(step), step);
  }
  return first;
}

function isProduct({ kind }: Step): boolean {
  return kind === 'convolution' || kind === 'depthwise convolution';
}

function largestFilter(steps: readonly Step[]): number {
  return Math.max(0, ...steps.filter(isProduct).map((step) => weightCounts(step).weights));
}
