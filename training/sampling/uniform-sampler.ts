import { createRandom } from '@softmargin/shared/random.ts';

/** The stream of the run's seed that batches draw from. */
const STREAM = 3;

/**
 * Batches of pictures whatever their identity: dealt from shuffled decks of the whole set, so that all are
 * seen before any is seen again. What does not fill a batch is left in the deck. The batch of a step is a
 * function of the seed and the step alone.
 */
export class UniformSampler {
  readonly #count: number;
  readonly #size: number;
  readonly #seed: number;
  #deck: { readonly round: number; readonly order: Int32Array } | undefined;

  /** @throws {RangeError} if there are fewer pictures than a batch takes. */
  constructor(count: number, size: number, seed: number) {
    if (count < size) {
      throw new RangeError(`A batch takes ${size} pictures; the training set has ${count}.`);
    }
    this.#count = count;
    this.#size = size;
    this.#seed = seed;
  }

  /** Indices of the pictures of a step's batch (from step 0). */
  batch(step: number): Int32Array {
    const batchesPerDeck = Math.floor(this.#count / this.#size);
    const round = Math.floor(step / batchesPerDeck);
    if (this.#deck?.round !== round) {
      this.#deck = { round, order: createRandom(this.#seed, STREAM, round).permutation(this.#count) };
    }
    const dealt = (step % batchesPerDeck) * this.#size;
    return this.#deck.order.slice(dealt, dealt + this.#size);
  }
}
