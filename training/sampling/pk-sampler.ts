import { createRandom } from '@softmargin/shared/random.ts';
import { indicesByIdentity } from '@softmargin/shared/sets/identities.ts';

/** Streams of the run's seed that batches draw from. */
const IDENTITY_STREAM = 1;
const PICTURE_STREAM = 2;

/**
 * Batches of P identities with K pictures each (Hermans et al., "In Defense of the Triplet Loss", 2017).
 *
 * Identities are dealt from shuffled decks, and so are the pictures of each identity, K at a time: all are
 * seen before any is seen again, but for what does not fill a batch, which is left in the deck. As with
 * torchreid's RandomIdentitySampler, a batch has no picture twice where an identity has K or more, and
 * pictures are repeated where it has fewer: there they are drawn with replacement, here each is taken equally
 * often, or once more. The batch of a step is a function of the seed and the step alone, so a run that is
 * resumed goes on exactly where it was.
 */
export class PKSampler {
  readonly #seed: number;
  readonly #identities: number[];
  readonly #indices: Map<number, number[]>;
  readonly #p: number;
  readonly #k: number;
  readonly #decks = new Map<string, Int32Array>();

  /** @throws {RangeError} if there are fewer identities than a batch needs. */
  constructor(labels: Int32Array, p: number, k: number, seed: number) {
    this.#indices = indicesByIdentity(labels);
    this.#identities = [...this.#indices.keys()].sort((a, b) => a - b);
    if (this.#identities.length < p) {
      throw new RangeError(`A batch takes ${p} identities; the training set has ${this.#identities.length}.`);
    }
    this.#p = p;
    this.#k = k;
    this.#seed = seed;
  }

  /** Indices of the pictures of a step's batch (from step 0): K of the first identity, K of the next, … */
  batch(step: number): Int32Array {
    const batch = new Int32Array(this.#p * this.#k);
    const count = this.#identities.length;
    // What does not fill a batch is left in the deck, so that no batch has an identity twice.
    const batchesPerDeck = Math.floor(count / this.#p);
    const deck = this.#deck(Math.floor(step / batchesPerDeck), IDENTITY_STREAM, 0, count);
    const dealt = (step % batchesPerDeck) * this.#p;
    for (let p = 0; p < this.#p; p++) {
      const identity = this.#identities[deck[dealt + p]];
      const pictures = this.#indices.get(identity) as number[];
      // An identity is in one batch of each deck at most: this is at least how often it was dealt before.
      const dealtBefore = Math.floor(step / batchesPerDeck);
      const handsPerDeck = Math.max(1, Math.floor(pictures.length / this.#k));
      const round = Math.floor(dealtBefore / handsPerDeck);
      const order = this.#deck(round, PICTURE_STREAM, identity, pictures.length);
      const first = (dealtBefore % handsPerDeck) * this.#k;
      for (let k = 0; k < this.#k; k++) {
        batch[p * this.#k + k] = pictures[order[(first + k) % pictures.length]];
      }
    }
    return batch;
  }

  #deck(round: number, stream: number, identity: number, length: number): Int32Array {
    const key = `${stream}/${identity}`;
    const known = this.#decks.get(`${key}/${round}`);
    if (known !== undefined) return known;
    const deck = createRandom(this.#seed, stream, identity, round).permutation(length);
    this.#decks.delete(`${key}/${round - 2}`);
    this.#decks.set(`${key}/${round}`, deck);
    return deck;
  }
}
