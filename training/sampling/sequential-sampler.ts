/** Every item once, in order: batches of `size`, the last one of what is left. To embed a set, not to train. */
export class SequentialSampler {
  readonly #count: number;
  readonly #size: number;
  /** Batches that there are. */
  readonly steps: number;

  constructor(count: number, size: number) {
    this.#count = count;
    this.#size = size;
    this.steps = Math.ceil(count / size);
  }

  /** Indices of a step's items, ascending. */
  batch(step: number): Int32Array {
    const start = step * this.#size;
    const length = Math.max(0, Math.min(this.#size, this.#count - start));
    return Int32Array.from({ length }, (_, i) => start + i);
  }
}
