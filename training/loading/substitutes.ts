/**
 * Which pictures may stand in for one that cannot be decoded, in the order to try them: the other pictures of
 * its identity, then those of the identities after it. A function of the labels alone, so that a run that is
 * resumed, or that has another number of workers, takes the same ones.
 */
export class Substitutes {
  readonly #order: Int32Array;
  readonly #place: Int32Array;
  readonly #identities: Int32Array;

  constructor(identities: Int32Array) {
    this.#identities = identities;
    this.#order = Int32Array.from(identities.keys()).sort((a, b) => identities[a] - identities[b] || a - b);
    this.#place = new Int32Array(identities.length);
    for (const [place, item] of this.#order.entries()) this.#place[item] = place;
  }

  /** The items to try instead of `item`: each other item once. */
  *after(item: number): Generator<number> {
    const order = this.#order;
    const identity = this.#identities[item];
    const place = this.#place[item];
    const same = (at: number) => this.#identities[order[at]] === identity;
    let start = place;
    while (start > 0 && same(start - 1)) start--;
    let end = place + 1;
    while (end < order.length && same(end)) end++;
    yield* order.subarray(place + 1, end);
    yield* order.subarray(start, place);
    yield* order.subarray(end);
    yield* order.subarray(0, start);
  }
}
